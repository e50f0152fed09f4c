// What the admin API says of keys and teams, for those who ask it.
export type { MadeKey } from '../gateway/keys/key-admin.ts'
export type { AuditView, KeyView, TeamView } from '../gateway/keys/key-views.ts'
export { windows, type KeyLimits, type Window } from '../gateway/limits/key-limits.ts'
