"""Writes a model as GGUF, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md."""
import struct

import numpy as np

import tokenizer as tokens
from model import CONTEXT, EPSILON, ROPE_BASE

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
ALIGNMENT = 32
# ggml_type and llama_ftype of the matrices; vectors are always F32 (type 0).
TYPES = {'F16': (1, 1), 'Q8_0': (8, 7)}


def text(value):
    data = value.encode()
    return struct.pack('<Q', len(data)) + data


def texts(values):
    return struct.pack('<IQ', STRING, len(values)) + b''.join(map(text, values))


def as_q8_0(matrix):
    """Blocks of 32 values: one F16 scale, then the values as bytes."""
    blocks = matrix.reshape(-1, 32)
    scale = np.abs(blocks).max(1) / 127
    inverse = np.where(scale > 0, 1 / np.maximum(scale, 1e-12), 0)
    out = np.zeros(len(blocks), dtype=[('scale', '<f2'), ('values', 'i1', 32)])
    out['scale'], out['values'] = scale, np.round(blocks * inverse[:, None])
    return out.tobytes()


def properties(name, description, shape, tokenizer, kind, template, pooling):
    pack = struct.pack
    rows = [('general.architecture', STRING, text('llama')), ('general.name', STRING, text(name)),
            ('general.description', STRING, text(description)), ('general.license', STRING, text('apache-2.0')),
            ('general.file_type', U32, pack('<I', TYPES[kind][1])), ('general.quantization_version', U32, pack('<I', 2))]
    sizes = {'context_length': CONTEXT, 'embedding_length': shape.width, 'block_count': shape.layers,
             'feed_forward_length': shape.feed_forward, 'attention.head_count': shape.heads,
             'attention.head_count_kv': shape.heads_kv, 'rope.dimension_count': shape.head, 'vocab_size': shape.vocabulary}
    if pooling is not None:
        sizes['pooling_type'] = pooling
    rows += [(f'llama.{key}', U32, pack('<I', value)) for key, value in sizes.items()]
    rows += [('llama.attention.layer_norm_rms_epsilon', F32, pack('<f', EPSILON)), ('llama.rope.freq_base', F32, pack('<f', ROPE_BASE))]
    # Control tokens are 3, user-defined ones 4, all others 1 (enum llama_token_type).
    types = [3] * tokens.CONTROL + [4] * (len(tokens.SPECIAL) - tokens.CONTROL)
    types += [1] * (shape.vocabulary - len(types))
    rows += [('tokenizer.ggml.model', STRING, text('gpt2')), ('tokenizer.ggml.pre', STRING, text('gpt-2')),
             ('tokenizer.ggml.tokens', ARRAY, texts(tokenizer.vocabulary)),
             ('tokenizer.ggml.token_type', ARRAY, pack('<IQ', I32, len(types)) + pack(f'<{len(types)}i', *types)),
             ('tokenizer.ggml.merges', ARRAY, texts([f'{a} {b}' for a, b in tokenizer.merges])),
             ('tokenizer.ggml.bos_token_id', U32, pack('<I', tokens.END_OF_TEXT)),
             ('tokenizer.ggml.eos_token_id', U32, pack('<I', tokens.END)), ('tokenizer.ggml.eot_token_id', U32, pack('<I', tokens.END)),
             ('tokenizer.ggml.padding_token_id', U32, pack('<I', tokens.END_OF_TEXT)),
             ('tokenizer.ggml.add_bos_token', BOOL, b'\0')]
    if template is not None:
        rows.append(('tokenizer.chat_template', STRING, text(template)))
    return rows


def tensors(model, kind):
    for name, parameter in model.state_dict().items():
        values = parameter.float().numpy()
        name += '.weight'
        if values.ndim == 1:
            yield name, values.shape, 0, values.astype('<f4').tobytes()
        else:
            data = as_q8_0(values) if kind == 'Q8_0' else values.astype('<f2').tobytes()
            yield name, values.shape, TYPES[kind][0], data


def write(path, model, tokenizer, name, description, kind='Q8_0', template=None, pooling=None):
    rows, all_ = properties(name, description, model.shape, tokenizer, kind, template, pooling), list(tensors(model, kind))
    head = b'GGUF' + struct.pack('<IQQ', 3, len(all_), len(rows))
    head += b''.join(text(key) + struct.pack('<I', type_) + value for key, type_, value in rows)
    offset = 0
    for tensor, sizes, type_, data in all_:
        head += text(tensor) + struct.pack('<I', len(sizes)) + b''.join(struct.pack('<Q', size) for size in reversed(sizes))
        head += struct.pack('<IQ', type_, offset)
        offset += aligned(len(data))
    with open(path, 'wb') as file:
        file.write(head.ljust(aligned(len(head)), b'\0'))
        for *_, data in all_:
            file.write(data.ljust(aligned(len(data)), b'\0'))


def aligned(size):
    return -(-size // ALIGNMENT) * ALIGNMENT
