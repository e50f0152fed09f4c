"""Questions about inference, with and without a system prompt on length, and questions that are out of scope."""
from corpus.conversation import Conversation, held_out
from corpus.facts import ADVICE, DEFINITIONS, DIFFERENCES, EFFECTS, REASONS
from corpus.names import invented
from corpus.noise import typed
from corpus.outside import REQUESTS, TOPICS

# The last ones of each list are asked only in the held-out set.
RESERVED = 3
ASKED = {
    'definition': ['What is {x}?', 'What is {x}?', 'what is {x}', 'Explain {x}.', 'Define {x}.', 'What does {x} mean?',
                   'Tell me about {x}.', 'Can you explain {x}?', 'Please explain {x} to me.', 'Describe {x}.',
                   "What's {x}?", 'I want to know what {x} is.', 'In short, what is {x}?', '{x}?', '{x}', 'What are {x}?',
                   'Could you tell me what {x} is?', 'Do you know what {x} is?', 'What is meant by {x}?',
                   'I do not understand {x}.', 'Give me a definition of {x}.', 'Who or what is {x}?', 'Explain {x} simply.',
                   'What do you know about {x}?', 'How would you describe {x}?', 'Help me understand {x}.',
                   'I keep reading about {x}. What is it?', 'What exactly is {x}?'],
    'reason': ['Why does {x} matter?', 'Why is {x} important?', 'Why should I care about {x}?', 'What is {x} good for?',
               'What is the point of {x}?', 'Why do people use {x}?', 'Why do I need {x}?', 'Is {x} important?',
               'Tell me why {x} matters.', 'Why bother with {x}?', 'Does {x} matter?', 'What is the benefit of {x}?',
               'Explain why {x} is important.', 'For what reason is {x} important?', 'What makes {x} so important?'],
    'effect': ['How does {x} affect {y}?', 'What does {x} do to {y}?', 'What is the effect of {x} on {y}?',
               'Does {x} affect {y}?', 'Does {x} change {y}?', 'How does {x} change {y}?', 'Effect of {x} on {y}?',
               'How is {y} affected by {x}?', 'What happens to {y} with {x}?', 'How does {y} depend on {x}?',
               'Tell me how {x} affects {y}.', 'Explain the effect of {x} on {y}.', 'Has {x} an influence on {y}?',
               'What influence does {x} have on {y}?', 'In what way does {x} affect {y}?'],
    'difference': ['What is the difference between {x} and {y}?', 'How do {x} and {y} differ?', '{x} vs {y}',
                   'Compare {x} and {y}.', 'Compare {x} with {y}.', 'How is {x} different from {y}?', '{x} or {y}?',
                   'Difference between {x} and {y}?', 'Explain the difference between {x} and {y}.', '{x} versus {y}',
                   'Is {x} the same as {y}?', 'Are {x} and {y} the same?', "What's the difference between {x} and {y}?",
                   'Tell me how {x} differs from {y}.', 'In what do {x} and {y} differ?'],
    'advice': ['How do I {x}?', 'How can I {x}?', 'how to {x}', 'What helps to {x}?', 'How would you {x}?',
               'Give me advice: how do I {x}?', 'What should I do to {x}?', 'I want to {x}.', 'I need to {x}. What can I do?',
               'Tell me how to {x}.', 'What is the best way to {x}?', 'How does one {x}?', 'Help me {x}.',
               'Any tips to {x}?', 'What are good ways to {x}?', 'Explain how to {x}.', 'Can you help me to {x}?'],
}
KINDS = [('definition', row) for row in DEFINITIONS] + [('reason', row) for row in REASONS]
KINDS += [('effect', row) for row in EFFECTS] + [('difference', row) for row in DIFFERENCES]
KINDS += [('advice', row) for row in ADVICE] * 2

SYSTEM = ['You are a helpful assistant.', 'You are a concise assistant.', 'You are an expert in inference.',
          'Be brief and clear.', 'You are a friendly assistant.', 'Help the user.', 'You answer questions.']
ONE_SENTENCE = ['Answer in one sentence.', 'Reply with one sentence only.', 'Use one sentence.', 'Be short: one sentence.',
                'You are a helpful assistant. Answer in one sentence.', 'Your answers have one sentence.',
                'Keep every answer to one sentence.', 'Never use more than one sentence.']
UNKNOWN = "I don't know that. I am a small model: load a larger one with inferloom for this."


def system_turns(r):
    return [('system', r.choice(SYSTEM))] if r.random() < 0.2 else []


# Words around a question that mean nothing, the same for what is known and for what is not: without them, whatever stands
# where a subject usually stands is taken for the subject.
MENTIONS = ['I read about {x} today.', 'My colleague mentioned {x}.', 'I saw {x} in the documentation.', 'Everybody talks about {x}.', 'I heard of {x}.',
            'We talked about {x} in a meeting.', 'Someone told me about {x}.', 'There is something called {x}.', 'I am learning about {x}.', 'I often hear {x}.',
            'I keep hearing of {x}.', 'I found the word {x} in a text.', 'They say {x} a lot.', 'My boss keeps asking about {x}.', 'I have been reading on {x}.']
AFTER_MENTION = ['What is that?', 'What does it mean?', 'What is it?', 'Explain it.', 'Can you explain it?', 'What is this?', 'Tell me what it is.', 'What are they?']
BEFORE = ['I am new to this. ', 'Quick question. ', 'I have a question. ', 'Sorry if this is obvious. ', 'I am reading about inference. ', 'Just curious: ',
          'Let me ask: ', 'Maybe you know: ', 'I keep forgetting: ', 'Once more: ', 'For my notes: ', 'I wonder, ', 'Tell me, ', 'Now, ', 'Well, ', 'And ']
AFTER = [' Please explain.', ' Thanks!', ' I am a beginner.', ' I keep wondering.', ' Thank you.', ' I need to know it exactly.', ' Just the basics.', ' In simple words.']
HOW = ['exactly', 'actually', 'really', 'precisely', 'basically']
WHAT = ['actually', 'really', 'precisely', 'basically', 'on earth', 'then']


def adorned(r, text, subject=None):
    """A question with words around it that mean nothing."""
    roll = r.random()
    if roll < 0.25 and subject:
        return r.choice(MENTIONS).format(x=subject) + ' ' + r.choice(AFTER_MENTION)
    if roll < 0.5:
        return r.choice(BEFORE) + text
    first, _, rest = text.partition(' ')
    if roll < 0.8 and first in ('What', 'How', 'Why', 'Explain') and rest:
        return f"{first} {r.choice(WHAT if first == 'What' else HOW)} {rest}"
    return text + r.choice(AFTER)


def asked(r, kind, names, held):
    """(a question, what may be mentioned before it, whether its wording is reserved)"""
    templates = ASKED[kind]
    reserved = held and r.random() < 0.5
    template = r.choice(templates[-RESERVED:] if reserved else templates[:-RESERVED])
    if kind in ('effect', 'difference'):
        x, y = names if kind == 'effect' or r.random() < 0.6 else reversed(names)
        return template.format(x=x, y=y), None, reserved
    name = names[0] if r.random() < 0.5 else r.choice(names)
    if kind != 'advice' and r.random() < 0.15:
        name = name.removeprefix('a ').removeprefix('an ').removeprefix('the ')
    return template.format(x=name), name if kind == 'definition' else None, reserved


def fact(r, held=False):
    """(task, question, answer)"""
    kind, (names, answer) = r.choice(KINDS)
    while True:
        text, subject, reserved = asked(r, kind, names, held)
        # Before words are put around it: what is held out must not be trained on in other clothes.
        if reserved or held_out(text) == held:
            break
    if not held and r.random() < 0.4:
        text = adorned(r, text, subject)
    text = text[0].upper() + text[1:] if r.random() < 0.7 else text
    return ('advice' if kind == 'advice' else 'glossary'), typed(r, text), answer


def about_inference(r, held=False):
    task, text, answer = fact(r, held)
    return Conversation(task, [*system_turns(r), ('user', text), ('assistant', answer)])


def in_one_sentence(r, held=False):
    while True:
        _, text, answer = fact(r, held)
        sentences = answer.split('. ')
        if len(sentences) > 1:
            break
    system = r.choice(ONE_SENTENCE[-1:] if held and r.random() < 0.3 else ONE_SENTENCE[:-1])
    return Conversation('length', [('system', system), ('user', text), ('assistant', sentences[0] + '.')])


TRAINED_TOPICS = [topic for topic in TOPICS if not held_out(topic)]


def nonsense(r):
    return ' '.join(r.choice((invented(r).lower(), invented(r), r.choice(TRAINED_TOPICS).split(' ')[-1])) for _ in range(r.choice((1, 1, 2))))


def out_of_scope(r, held=False):
    while True:
        # Asked in the words in which what it knows is asked, too: it is the subject that tells.
        kind = r.choice(('definition', 'definition', 'reason', 'advice')) if not held and r.random() < 0.4 else None
        request = r.choice(ASKED[kind][:-RESERVED] if kind else REQUESTS)
        word = invented(r).lower() if r.random() < 0.12 else r.choice(TOPICS) if held or r.random() < 0.75 else nonsense(r)
        # What is held out is a topic (in any question) or a question (about any topic).
        if (held_out(word) or held_out(request)) == held:
            break
    doing = r.choice(('make', 'find', 'buy', 'sell', 'understand', 'clean', 'repair', 'learn')) + ' ' if kind == 'advice' else ''
    text = request.format(x=doing + word)
    if not held and r.random() < 0.4:
        text = adorned(r, text, word if kind == 'definition' else None)
    return Conversation('unknown', [*system_turns(r), ('user', typed(r, text)), ('assistant', UNKNOWN)])
