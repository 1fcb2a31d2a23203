# SPDX-License-Identifier: MPL-2.0
"""The record of instruction counts, bench/instructions.json, and what it forbids.

    {"paths":   {NAME: what is counted and per what},
     "entries": [{"when": DATE, "why": TEXT, "toolchain": {...}, "counts": {NAME: N}}, ...]}

Entries are only appended, newest last. A count may be at most GROWTH above the newest entry; a larger one
needs a new entry that says why. An entry without a reason, or one that dropped a path in silence, is a
complaint as well. Counts are compared only where compiler and libraries are those of the entry."""
import datetime
import json

GROWTH = 1.05
SHRINKAGE = 0.95
WHY_LENGTH_MIN = 15


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def newest(known):
    return known["entries"][-1] if known["entries"] else None


def why_incomparable(known, versions):
    """A sentence, or None when counts of these versions can be compared with the newest entry."""
    entry = newest(known)
    if entry is None:
        return None
    different = [f"{name} {versions.get(name)} here, {wanted} in the record"
                 for name, wanted in entry["toolchain"].items() if versions.get(name) != wanted]
    if not different:
        return None
    return ("instruction counts are only comparable with the same compiler and libraries: "
            + "; ".join(different))


def ratio_text(before, now):
    return f"{(now / before - 1) * 100:+.1f} %"


def complaints(known, counted):
    """One sentence for each path that grew too much, is new, or is gone."""
    entry = newest(known)
    before = entry["counts"] if entry else {}
    found = []
    for name, now in counted.items():
        if name not in before:
            found.append(f"{name}: {now:,} instructions, not in the record: bench/counts --record WHY")
        elif now > before[name] * GROWTH:
            found.append(f"{name}: {before[name]:,} to {now:,} instructions "
                         f"({ratio_text(before[name], now)}, allowed is 5 %). Make it cheaper, or "
                         "say why it is worth it: bench/counts --record WHY")
    found += [f"{name}: is in the record and was not counted" for name in before
              if name not in counted]
    return found


def gaps(known):
    """What is wrong with the record itself."""
    found = []
    for number, entry in enumerate(known["entries"]):
        if len(entry.get("why", "").strip()) < WHY_LENGTH_MIN:
            found.append(f"entry {number + 1} of the record does not say why in at least "
                         f"{WHY_LENGTH_MIN} characters")
        unknown = set(entry["counts"]) - set(known["paths"])
        found += [f"entry {number + 1}: nothing says what {name} counts" for name in sorted(unknown)]
    return found


def append(path, known, versions, counted, why):
    """Writes the file with one entry more; ValueError when the reason is none."""
    if len(why.strip()) < WHY_LENGTH_MIN:
        raise ValueError(f"say why in at least {WHY_LENGTH_MIN} characters")
    known["entries"].append({"when": datetime.date.today().isoformat(), "why": why.strip(),
                             "toolchain": versions, "counts": counted})
    with open(path, "w", encoding="utf-8") as file:
        json.dump(known, file, indent=1, ensure_ascii=False)
        file.write("\n")


def as_table(known, counted):
    entry = newest(known)
    before = entry["counts"] if entry else {}
    rows = [("path", "recorded", "now", "change", "what")]
    for name, now in counted.items():
        old = before.get(name)
        change = ratio_text(old, now) if old else "new"
        if old and now < old * SHRINKAGE:
            change += " (record it)"
        rows.append((name, f"{old:,}" if old else "-", f"{now:,}", change,
                     known["paths"].get(name, "")))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join(f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  "
                     f"{row[3]:<{widths[3]}}  {row[4]}".rstrip() for row in rows)
