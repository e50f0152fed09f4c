/** How tensors of one type are laid out: so many values share one block of so many bytes. */
export interface TensorType {
  readonly name: string
  readonly blockValues: number
  readonly blockBytes: number
}

// By the number in a GGUF file: enum ggml_type in ggml.h. gguf.test.ts compares with what ggml itself says.
const rows: readonly (readonly [id: number, name: string, blockValues: number, blockBytes: number])[] = [
  [0, 'F32', 1, 4],
  [1, 'F16', 1, 2],
  [2, 'Q4_0', 32, 18],
  [3, 'Q4_1', 32, 20],
  [6, 'Q5_0', 32, 22],
  [7, 'Q5_1', 32, 24],
  [8, 'Q8_0', 32, 34],
  [9, 'Q8_1', 32, 36],
  [10, 'Q2_K', 256, 84],
  [11, 'Q3_K', 256, 110],
  [12, 'Q4_K', 256, 144],
  [13, 'Q5_K', 256, 176],
  [14, 'Q6_K', 256, 210],
  [15, 'Q8_K', 256, 292],
  [16, 'IQ2_XXS', 256, 66],
  [17, 'IQ2_XS', 256, 74],
  [18, 'IQ3_XXS', 256, 98],
  [19, 'IQ1_S', 256, 50],
  [20, 'IQ4_NL', 32, 18],
  [21, 'IQ3_S', 256, 110],
  [22, 'IQ2_S', 256, 82],
  [23, 'IQ4_XS', 256, 136],
  [24, 'I8', 1, 1],
  [25, 'I16', 1, 2],
  [26, 'I32', 1, 4],
  [27, 'I64', 1, 8],
  [28, 'F64', 1, 8],
  [29, 'IQ1_M', 256, 56],
  [30, 'BF16', 1, 2],
  [34, 'TQ1_0', 256, 54],
  [35, 'TQ2_0', 256, 66],
  [39, 'MXFP4', 32, 17],
  [40, 'NVFP4', 64, 36],
  [41, 'Q1_0', 128, 18],
]

export const tensorTypes: ReadonlyMap<number, TensorType> = new Map(
  rows.map(([id, name, blockValues, blockBytes]) => [id, { name, blockValues, blockBytes }]),
)

// general.file_type, enum llama_ftype in llama.h. `of` is what most of the weights of such a mix are made of.
const fileTypes: Readonly<Record<number, { name: string; of: readonly string[] }>> = {
  10: { name: 'Q2_K', of: ['Q2_K', 'Q3_K'] },
  11: { name: 'Q3_K_S', of: ['Q3_K'] },
  12: { name: 'Q3_K_M', of: ['Q3_K'] },
  13: { name: 'Q3_K_L', of: ['Q3_K'] },
  14: { name: 'Q4_K_S', of: ['Q4_K'] },
  15: { name: 'Q4_K_M', of: ['Q4_K'] },
  16: { name: 'Q5_K_S', of: ['Q5_K'] },
  17: { name: 'Q5_K_M', of: ['Q5_K'] },
  21: { name: 'Q2_K_S', of: ['Q2_K'] },
  22: { name: 'IQ3_XS', of: ['IQ3_XXS', 'IQ3_S'] },
  27: { name: 'IQ3_M', of: ['IQ3_S'] },
  29: { name: 'IQ2_M', of: ['IQ2_S'] },
  38: { name: 'MXFP4_MOE', of: ['MXFP4'] },
}

/**
 * What a model is quantised to: the type that holds most of its bytes, or the name of the mix that the file claims
 * where that is what such a mix is made of. Claims alone are often wrong in files that were converted again.
 */
export function quantisationOf(bytesByType: ReadonlyMap<string, number>, fileType: number | undefined): string {
  const [most] = [...bytesByType].sort(([, a], [, b]) => b - a)
  const dominant = most?.[0] ?? 'unknown'
  const claimed = fileType === undefined ? undefined : fileTypes[fileType]
  return claimed?.of.includes(dominant) ? claimed.name : dominant
}

/** Bits that one parameter takes on average in the mixes that are published most, largest first. */
export const usualQuantisations: readonly { readonly name: string; readonly bitsPerParameter: number }[] = [
  { name: 'Q8_0', bitsPerParameter: 8.5 },
  { name: 'Q6_K', bitsPerParameter: 6.6 },
  { name: 'Q5_K_M', bitsPerParameter: 5.7 },
  { name: 'Q4_K_M', bitsPerParameter: 4.9 },
  { name: 'Q3_K_M', bitsPerParameter: 3.9 },
  { name: 'Q2_K', bitsPerParameter: 3 },
  { name: 'IQ2_XS', bitsPerParameter: 2.4 },
]
