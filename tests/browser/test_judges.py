# SPDX-License-Identifier: MPL-2.0
"""The judges are judged: each kind of barrier and each kind of trouble is found when it is there."""
import pytest

BARRIERS = {
    "without a name": "main.append(Object.assign(document.createElement('button'), {type: 'button'}))",
    "first headings": "main.append(Object.assign(document.createElement('h1'), {textContent: 'second'}))",
    "heading jumps": "main.append(Object.assign(document.createElement('h2'), {textContent: 'a'}), Object.assign(document.createElement('h4'), {textContent: 'b'}))",
    "table without a caption": "main.append(document.createElement('table'))",
    "head without a scope": "const t = document.createElement('table'); t.createCaption().textContent = 'c'; t.createTHead().insertRow().append(document.createElement('th')); main.append(t)",
    "row that nothing names": "const t = document.createElement('table'); t.createCaption().textContent = 'c'; t.createTBody().insertRow().insertCell().textContent = 'x'; main.append(t)",
    "is there 2 times": "const one = document.createElement('i'); one.id = 'main'; main.append(one)",
    "leads nowhere": "const one = document.createElement('i'); one.setAttribute('aria-labelledby', 'nobody'); main.append(one)",
    "order of the keyboard": "const one = document.createElement('button'); one.textContent = 'x'; one.tabIndex = 3; main.append(one)",
    "contrast": "const one = document.createElement('p'); one.textContent = 'pale'; one.style.color = '#aab'; one.style.background = '#fff'; main.append(one)",
    "scrolls sideways": "const one = document.createElement('p'); one.textContent = 'wide'; one.style.width = '3000px'; main.append(one)",
}


@pytest.mark.parametrize("words", BARRIERS)
def test_barrier_is_found(page, words):
    page.go("message")
    assert not page.accessibility()
    page.js("const main = document.querySelector('main .page'); " + BARRIERS[words])
    found = page.accessibility()
    assert any(words in text for text in found), found


TROUBLES = {
    "CSP": "const one = document.createElement('script'); one.textContent = 'window.injected = 1'; document.body.append(one)",
    "error": "setTimeout(() => { throw new Error('on purpose') })",
    "SEVERE": "console.error('on purpose')",
}


@pytest.mark.parametrize("words", TROUBLES)
def test_trouble_is_found(page, words):
    page.js(f"setTimeout(() => {{ try {{ {TROUBLES[words]} }} catch (error) {{ console.error(String(error)) }} }})")
    seen = []
    page.until(lambda: seen.extend(page.trouble()) or any(words in text for text in seen), words)
    assert not page.js("return Boolean(window.injected)"), "an inline script ran"
    page.trouble()
