"""How people type: lower case, missing marks, slips of the finger."""
import re

KEPT = re.compile(r'[{}"\d]')


def slip(r, text):
    places = [i for i in range(1, len(text) - 1) if text[i - 1].isalpha() and text[i].isalpha() and text[i + 1].isalpha()]
    if not places or KEPT.search(text):
        return text
    at, kind = r.choice(places), r.random()
    if kind < 0.4:
        return text[:at] + text[at + 1] + text[at] + text[at + 2:]
    return text[:at] + text[at + 1:] if kind < 0.75 else text[:at] + text[at] + text[at:]


def typed(r, text):
    """The text as someone might type it; half the time as it is."""
    if r.random() < 0.5:
        return text
    if r.random() < 0.55:
        text = text.lower()
    if r.random() < 0.4:
        text = text.rstrip('.?!')
    if r.random() < 0.45:
        text = slip(r, text)
    if r.random() < 0.1:
        text = r.choice(('hey, ', 'please: ', 'Question: ', 'hi, ', 'ok, ', 'so ')) + text
    return text
