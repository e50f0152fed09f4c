import { configSchema } from '../src/config/schema.ts'
import { Attempts } from '../src/gateway/routing/attempts.ts'
import { DeploymentHealth } from '../src/gateway/routing/deployment-health.ts'
import { Hedging } from '../src/gateway/routing/hedging.ts'
import { Retries } from '../src/gateway/routing/retries.ts'
import { machineTime as timekeeper } from '../src/gateway/timekeeper.ts'

/** As a server without settings asks its candidates. */
export function simpleAttempts(): Attempts {
  const { breaker, hedgeShare: share, ...settings } = configSchema.parse({}).reliability
  const { random } = Math
  const health = new DeploymentHealth({ settings: breaker, timekeeper, random })
  const retries = new Retries({ settings, timekeeper, random, health })
  return new Attempts({
    timekeeper,
    health,
    retries,
    hedging: new Hedging({ share }),
    began: () => {},
    learn: () => {},
  })
}
