// Every pattern is linear: it begins at something rare, and nothing in it can match the same text in two ways.

/** Keys of common services, bearer tokens, and long values behind words that announce a secret. */
const keys =
  /\b(?:(?:sk|pk|rk|gsk|xai|hf|ghp|gho|ghs|github_pat|glpat|xox[abprs]|il)[-_]|AKIA|ASIA|AIza|ya29\.|eyJ)[\w.-]{16,200}/g
const bearer = /\bBearer [\w.~+/=-]{8,500}/gi
const email = /[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g
/** Seven digits and more, with what people group them by; dates are left alone, and so is what has a decimal point. */
const phone = /(?<![\w.,])(?!\d{4}-\d\d-\d\d)\+?\(?\d[\d ()-]{5,24}\d(?![\w]|[.,]\d)/g

/** A text without e-mail addresses, telephone numbers and keys, each replaced by its kind: `[email]`. */
export function redacted(text: string): string {
  return text
    .replaceAll(bearer, '[key]')
    .replaceAll(email, '[email]')
    .replaceAll(keys, '[key]')
    .replaceAll(phone, (found) => (found.replaceAll(/\D/g, '').length >= 7 ? '[phone]' : found))
}
