import { z } from "zod";

/** An address to which tokens go of their own: credentials in it would appear in the errors of those who use it. */
export const httpUrl = z
  .string()
  .refine((text) => hasProtocol(text, ["http:", "https:"]), "must be an http(s):// URL")
  .refine(isOneWord, "must be one line without spaces")
  .refine((text) => !hasCredentials(text), "must have no user or password");

export function hasProtocol(text: string, protocols: string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol);
}

/** A URL is read without its line breaks, which are then in what is sent and told. */
export function isOneWord(text: string): boolean {
  return !/\s/.test(text);
}

function hasCredentials(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== "" || url.password !== "");
}
