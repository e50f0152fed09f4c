/** Names without their makers' before them, in lower case. */
const families: readonly (readonly [RegExp, readonly string[]])[] = [
  // Text only, as their makers' cards say. Of families that can see in part, those that cannot.
  [
    /^(gpt-3\.5|gpt-4(-0\d{3}|-32k.*)?$|gpt-oss|o1-mini|o1-preview|o3-mini|deepseek-(chat|reasoner|coder|r1|v[23])|claude-(2|instant))/,
    ['images', 'audio', 'files'],
  ],
  [
    /^(code)?llama-?(2|3-|3\.1|3\.3|3\.2-[13]b)|^llama3(\.[13])?[-:]|^(mixtral|open-mi[sx]tral|codestral|mistral-(7b|nemo|tiny))/,
    ['images', 'audio', 'files'],
  ],
  [
    /^(command-(r|light|nightly)|gemma-?2?[-:]\d+b|gemma-?3[-:](270m|1b)|phi-?[23](?!.*vision)|kimi-k2-)/,
    ['images', 'audio'],
  ],
  [/^qwen-?(2|2\.5|3)-(?!.*(vl|omni|audio))/, ['images', 'audio']],
  [/^glm-4(\.\d)?(-air|-flash|-plus)?$/, ['images', 'audio']],
  // They see, and do not hear.
  [/^(gpt-4|gpt-5|chatgpt|o[1345]|claude-)(?!.*(audio|realtime|omni))/, ['audio']],
  // https://platform.openai.com/docs/models: neither calls functions.
  [/^(o1-mini|o1-preview|chatgpt-4o)/, ['tools']],
]

/** What models of that name cannot take beside text, as far as it is known: `images`, `tools`. */
export function inabilitiesOf(model: string): readonly string[] {
  const name = model.slice(model.lastIndexOf('/') + 1).toLowerCase()
  return [...new Set(families.flatMap(([family, lacks]) => (family.test(name) ? lacks : [])))]
}
