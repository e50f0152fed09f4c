"""Asks a running server the held-out questions, as any client would, and prints accuracy per task, tokens/s and TTFT.

python training/eval/evaluate.py loom-mini loom-nano [--embed loom-embed] [--url http://127.0.0.1:4633] [--per-task 100] [--json FILE]
"""
import argparse
import json
import platform
import re
import statistics
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import corpus  # noqa: E402
from corpus.conversation import Conversation  # noqa: E402
from corpus.paraphrases import pairs  # noqa: E402

SEED = 1
AT_ONCE = 8
SPEED_QUESTIONS = 12
CALL = re.compile(r'<tool_call>\n(.*)\n</tool_call>', re.DOTALL)


def post(url, path, body):
    data = json.dumps(body).encode()
    # Answers that were given before would be given again, in no time.
    return urllib.request.Request(url + path, data, {'content-type': 'application/json', 'x-inferloom-cache': 'off'})


def as_messages(turns):
    """The turns as the API takes them: what the corpus writes as a call's text becomes a tool call with an id."""
    messages = []
    for index, (role, text) in enumerate(turns):
        match = CALL.fullmatch(text) if role == 'assistant' else None
        if match:
            made = json.loads(match[1])
            function = {'name': made['name'], 'arguments': json.dumps(made['arguments'])}
            messages.append({'role': 'assistant', 'content': None, 'tool_calls': [{'id': f'call_{index}', 'type': 'function', 'function': function}]})
        elif role == 'tool':
            messages.append({'role': 'tool', 'tool_call_id': messages[-1]['tool_calls'][0]['id'], 'content': text})
        else:
            messages.append({'role': role, 'content': text})
    return messages


def asked(model, conversation):
    body = {'model': model, 'temperature': 0, 'max_tokens': 120, 'messages': as_messages(conversation.turns[:-1])}
    return {**body, 'tools': conversation.tools} if conversation.tools else body


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def is_right(conversation: Conversation, message):
    wanted, said = conversation.turns[-1][1], (message.get('content') or '').strip()
    calls = [each['function'] for each in message.get('tool_calls') or []]
    if conversation.task == 'tool-call':
        expected = json.loads(CALL.fullmatch(wanted)[1])
        return [(each['name'], parsed(each['arguments'])) for each in calls] == [(expected['name'], expected['arguments'])]
    if calls:
        return False
    if conversation.task == 'extraction':
        return parsed(said) == json.loads(wanted)
    if conversation.task.startswith('sums'):
        # Steps may be shown or not; the result is the last number.
        return re.findall(r'-?\d+', said)[-1:] == re.findall(r'-?\d+', wanted)[-1:]
    return said == wanted


def accuracy(url, model, conversations):
    def one(conversation):
        with urllib.request.urlopen(post(url, '/v1/chat/completions', asked(model, conversation)), timeout=120) as reply:
            message = json.load(reply)['choices'][0]['message']
        return conversation, message, is_right(conversation, message)

    tasks = {}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for conversation, message, right in threads.map(one, conversations):
            row = tasks.setdefault(conversation.task, {'right': 0, 'asked': 0, 'wrong': []})
            row['asked'] += 1
            row['right'] += right
            if not right:
                answer = message.get('content') or json.dumps([each['function'] for each in message.get('tool_calls') or []])
                row['wrong'].append({'question': conversation.question, 'wanted': conversation.turns[-1][1], 'answer': answer})
    return tasks


def speed(url, model, conversations):
    """Median TTFT and tokens per second after the first token, one request at a time."""
    firsts, rates = [], []
    for conversation in conversations:
        body = {**asked(model, conversation), 'stream': True, 'stream_options': {'include_usage': True}}
        started, first, last, tokens = time.perf_counter(), None, None, 0
        with urllib.request.urlopen(post(url, '/v1/chat/completions', body), timeout=120) as reply:
            for line in reply:
                chunk = parsed(line[6:]) if line.startswith(b'data: {') else None
                if chunk and any(choice['delta'].get('content') for choice in chunk['choices']):
                    last = time.perf_counter()
                    first = first or last
                tokens = ((chunk or {}).get('usage') or {}).get('completion_tokens', tokens)
        if first and last > first and tokens > 5:
            firsts.append((first - started) * 1000)
            rates.append((tokens - 1) / (last - first))
    return {'ttft_ms': round(statistics.median(firsts), 1), 'tokens_per_second': round(statistics.median(rates))} if rates else {}


def paraphrases_found(url, model, count=1000):
    def vectors(texts):
        rows = []
        for start in range(0, len(texts), 250):
            body = {'model': model, 'input': texts[start : start + 250], 'encoding_format': 'float'}
            with urllib.request.urlopen(post(url, '/v1/embeddings', body), timeout=120) as reply:
                rows += [row['embedding'] for row in json.load(reply)['data']]
        return rows

    questions, partners = (np.array(vectors(list(texts))) for texts in zip(*pairs(SEED, count, held=True)))
    return float(((questions @ partners.T).argmax(1) == np.arange(count)).mean())


def table(results):
    tasks = list(dict.fromkeys(task for row in results.values() for task in row['tasks']))
    lines = ['| | ' + ' | '.join(results) + ' |', '| --- |' + ' --- |' * len(results)]
    for task in tasks:
        cells = (row['tasks'].get(task) for row in results.values())
        lines.append(f'| {task} | ' + ' | '.join(f"{100 * cell['right'] / cell['asked']:.0f} %" if cell else '–' for cell in cells) + ' |')
    for key, name in (('tokens_per_second', 'tokens/s'), ('ttft_ms', 'TTFT, ms')):
        lines.append(f'| {name} | ' + ' | '.join(str(row['speed'].get(key, '–')) for row in results.values()) + ' |')
    return '\n'.join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('models', nargs='*')
    parser.add_argument('--embed', action='append', default=[])
    parser.add_argument('--url', default='http://127.0.0.1:4633')
    parser.add_argument('--per-task', type=int, default=100)
    parser.add_argument('--json', type=Path)
    chosen = parser.parse_args()
    conversations = corpus.held_out_conversations(SEED, chosen.per_task)
    results = {}
    for model in chosen.models:
        tasks = accuracy(chosen.url, model, conversations)
        long = [each for each in conversations if each.task in ('glossary', 'advice')]
        results[model] = {'tasks': tasks, 'speed': speed(chosen.url, model, long[:SPEED_QUESTIONS])}
    if results:
        print(table(results))
    found = {model: paraphrases_found(chosen.url, model) for model in chosen.embed}
    for model, share in found.items():
        print(f'{model}: nearest paraphrase found among 1,000: {share:.1%}')
    if chosen.json:
        report = {'machine': platform.processor() or platform.machine(), 'seed': SEED, 'models': results, 'embeddings': found}
        chosen.json.write_text(json.dumps(report, indent=1, ensure_ascii=False))


if __name__ == '__main__':
    main()
