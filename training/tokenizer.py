"""A byte-level BPE tokenizer in the layout of GPT-2, which llama.cpp reads as `gpt2` with the pre-tokenizer `gpt-2`.

Two kinds of pairs never merge, so that a small model can copy and count:
- digits: each is one token, and a sum can be worked out column by column;
- a space and a capital letter: a name is made of the same tokens after a space as after a quotation mark.
"""
import collections
import re

SPECIAL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<tool_call>', '</tool_call>', '<tool_response>',
           '</tool_response>', '<tools>', '</tools>']
# The first three end or divide messages; the others are text that happens to be one token.
CONTROL = 3
END_OF_TEXT, START, END = 0, 1, 2

# https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp (LLAMA_VOCAB_PRE_TYPE_GPT2)
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
PARTS = re.compile('(' + '|'.join(re.escape(text) for text in SPECIAL) + ')')


def byte_letters():
    """GPT-2's printable letter for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in letters:
            letters[byte] = chr(256 + len(letters) - len(printable))
    return letters


LETTERS = byte_letters()
SPACE = LETTERS[32]


def spelled(text):
    return [tuple(LETTERS[byte] for byte in word.encode()) for word in WORDS.findall(text)]


def may_merge(left, right):
    if left[-1].isdigit() or right[0].isdigit():
        return False
    return not (left == SPACE and right[0].isupper())


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        self.vocabulary = SPECIAL + [LETTERS[byte] for byte in sorted(LETTERS)] + [a + b for a, b in self.merges]
        self.ids = {text: index for index, text in enumerate(self.vocabulary)}
        self.rank = {pair: index for index, pair in enumerate(self.merges)}
        self.known = {}

    @classmethod
    def trained_on(cls, texts, size):
        counts = collections.Counter()
        for text in texts:
            for part in PARTS.split(text):
                if part and part not in SPECIAL:
                    counts.update(spelled(part))
        words = [[list(word), count] for word, count in counts.items() if count > 1]
        pairs, where = collections.Counter(), collections.defaultdict(set)

        def tally(index, sign):
            letters, count = words[index]
            for pair in zip(letters, letters[1:]):
                if may_merge(*pair):
                    pairs[pair] += sign * count
                    where[pair].add(index)

        for index in range(len(words)):
            tally(index, 1)
        merges = []
        while len(SPECIAL) + 256 + len(merges) < size:
            # Ties fall to the letters, so that the same corpus gives the same tokenizer everywhere.
            best = max(pairs, key=lambda pair: (pairs[pair], pair))
            merges.append(best)
            for index in where.pop(best):
                tally(index, -1)
                words[index][0] = merged(words[index][0], best)
                tally(index, 1)
            del pairs[best]
        return cls(merges)

    def encode(self, text):
        tokens = []
        for part in PARTS.split(text):
            if part in self.ids and part in SPECIAL:
                tokens.append(self.ids[part])
            elif part:
                for word in spelled(part):
                    tokens += self.known.get(word) or self.learn(word)
        return tokens

    def learn(self, word):
        letters = list(word)
        while len(letters) > 1:
            best = min(zip(letters, letters[1:]), key=lambda pair: self.rank.get(pair, len(self.rank)))
            if best not in self.rank:
                break
            letters = merged(letters, best)
        tokens = [self.ids[letter] for letter in letters]
        if len(self.known) < 200_000:
            self.known[word] = tokens
        return tokens


def merged(letters, pair):
    result, index = [], 0
    while index < len(letters):
        if index + 1 < len(letters) and (letters[index], letters[index + 1]) == pair:
            result.append(pair[0] + pair[1])
            index += 2
        else:
            result.append(letters[index])
            index += 1
    return result
