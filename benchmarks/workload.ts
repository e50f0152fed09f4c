/** How much is measured; decided by the command line. */
export interface Extent {
  readonly threads: readonly number[]
  readonly repetitions: number
  readonly quick: boolean
  /** How long the soak takes. */
  readonly minutes: number
  /** The random model's file. */
  readonly file: string
  /** Says on stderr what is being measured. */
  readonly progress: (what: string) => void
}

/** A number with the limit that it is held to. */
export interface Bar {
  readonly what: string
  readonly value: number
  readonly unit: string
  readonly atLeast?: number
  readonly atMost?: number
}

export interface Section {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  readonly bars: readonly Bar[]
  readonly notes?: readonly string[]
}

export interface Workload {
  readonly name: string
  /** Takes so long that it runs only when asked for. */
  readonly onlyWhenNamed?: boolean
  run(extent: Extent): Promise<Section[]>
}
