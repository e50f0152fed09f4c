"""A conversation of the corpus, how it is divided into training and held-out, and how it is written as text."""
import json
import zlib
from dataclasses import dataclass, field

TOOLS_BEFORE = '# Tools\n\nYou may call these functions:\n<tools>'
TOOLS_AFTER = ('\n</tools>\n\nTo call one, write\n<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}'
               '\n</tool_call>')


@dataclass
class Conversation:
    task: str
    # (role, text); what is asked for is the last assistant's text. A call is an assistant's text of one <tool_call>.
    turns: list
    tools: list = field(default_factory=list)

    @property
    def question(self):
        return next(text for role, text in reversed(self.turns) if role == 'user')


def held_out(text):
    """Whether a question (whatever its case and marks) is one of the tenth that is never trained on."""
    letters = ''.join(letter for letter in text.lower() if letter.isalnum())
    return zlib.crc32(letters.encode()) % 10 == 0


def call(name, arguments):
    return '<tool_call>\n' + json.dumps({'name': name, 'arguments': arguments}) + '\n</tool_call>'


def written(conversation):
    """The text that the chat template makes of it, in pieces: (text, whether the model is to write it)."""
    pieces, turns = [], list(conversation.turns)
    system = turns.pop(0)[1] if turns[0][0] == 'system' else ''
    if conversation.tools:
        tools = ''.join('\n' + json.dumps(tool) for tool in conversation.tools)
        system = (system + '\n\n' if system else '') + TOOLS_BEFORE + tools + TOOLS_AFTER
    if system:
        pieces.append((f'<|im_start|>system\n{system}<|im_end|>\n', False))
    for role, text in turns:
        if role == 'assistant':
            pieces += [('<|im_start|>assistant\n', False), (text + '<|im_end|>', True), ('\n', False)]
        elif role == 'tool':
            pieces.append((f'<|im_start|>user\n<tool_response>\n{text}\n</tool_response><|im_end|>\n', False))
        else:
            pieces.append((f'<|im_start|>{role}\n{text}<|im_end|>\n', False))
    return pieces


def _quoted(text):
    return "'" + text.replace('\n', '\\n') + "'"


TEMPLATE = (
    "{%- set first = messages[0]['content'] if messages[0]['role'] == 'system' else '' %}"
    "{%- if tools %}"
    "{{- '<|im_start|>system\\n' }}{%- if first %}{{- first + '\\n\\n' }}{%- endif %}"
    "{{- " + _quoted(TOOLS_BEFORE) + " }}"
    "{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- endfor %}"
    "{{- " + _quoted(TOOLS_AFTER) + " + '<|im_end|>\\n' }}"
    "{%- elif first %}{{- '<|im_start|>system\\n' + first + '<|im_end|>\\n' }}"
    "{%- endif %}"
    "{%- for message in messages %}"
    "{%- if message['role'] == 'user' or (message['role'] == 'system' and not loop.first) %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- elif message['role'] == 'assistant' %}"
    "{{- '<|im_start|>assistant' }}"
    "{%- if message['content'] %}{{- '\\n' + message['content'] }}{%- endif %}"
    "{%- for tool_call in message.tool_calls or [] %}"
    "{%- if tool_call.function is defined %}{%- set tool_call = tool_call.function %}{%- endif %}"
    "{{- '\\n<tool_call>\\n{\"name\": \"' + tool_call.name + '\", \"arguments\": ' }}"
    "{{- tool_call.arguments | tojson if tool_call.arguments is mapping else tool_call.arguments }}"
    "{{- '}\\n</tool_call>' }}"
    "{%- endfor %}"
    "{{- '<|im_end|>\\n' }}"
    "{%- elif message['role'] == 'tool' %}"
    "{{- '<|im_start|>user\\n<tool_response>\\n' + message['content'] + '\\n</tool_response><|im_end|>\\n' }}"
    "{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
