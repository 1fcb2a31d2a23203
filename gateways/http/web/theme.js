// SPDX-License-Identifier: MPL-2.0
// Runs before the first paint: the colour scheme chosen on this machine, when one was chosen. Where
// the browser keeps nothing (private windows), the scheme of the system applies.
try {
    const theme = localStorage.getItem("roost.theme");
    if (theme === "light" || theme === "dark")
        document.documentElement.dataset.theme = theme;
} catch {
    // Storage is blocked: nothing to restore.
}
