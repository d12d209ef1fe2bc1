/** Which text may be stored and sent: what every hop between us and CXone's screens can carry unchanged. */

// Control characters (C0, DEL and C1: all of Unicode's category Cc) but tab, line feed and carriage return; they break
// logs, terminals and CSV readers downstream.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/;

/** What is wrong with a text, as a phrase for a message; null where nothing is. */
export function textFault(text: string): 'a control character' | 'half of a surrogate pair' | null {
  if (CONTROL.test(text)) return 'a control character';
  return text.isWellFormed() ? null : 'half of a surrogate pair';
}

// One @, no white space, a dot in the domain, the lengths of RFC 5321 (64 + 1 + 255). More than this only delivery can tell.
const EMAIL = /^[^\s@"(),:;<>[\\\]]{1,64}@[^\s@"(),:;<>[\\\]]{1,253}\.[^\s@."(),:;<>[\\\]]{2,63}$/u;

export function isEmailAddress(text: string): boolean {
  return EMAIL.test(text) && !text.includes('..');
}
