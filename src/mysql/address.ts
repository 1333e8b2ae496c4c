import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import type { SslOptions } from "mysql2/promise";

/** What the driver is given. */
export interface DatabaseAddress {
  /** Without the parameters that are read here. */
  uri: string;
  /** Absent: no TLS, unless the driver's own parameter `ssl` is in the URL. */
  ssl?: SslOptions;
}

const MODES = ["DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"];
/** The files of the MySQL client's options of the same name, in PEM, and what the driver calls their content. */
const FILES = [
  ["ssl-ca", "ca"],
  ["ssl-cert", "cert"],
  ["ssl-key", "key"],
] as const;

/**
 * Reads a `DATABASE_URL` with the parameters that the MySQL client has as options: `ssl-mode`, `ssl-ca`, `ssl-cert` and
 * `ssl-key`. Without `ssl-ca` the authorities are those of Node.
 * @throws Error that says what is wrong, never with the URL in it
 */
export function databaseAddress(databaseUrl: string): DatabaseAddress {
  const url = new URL(databaseUrl);
  const mode = (take(url, "ssl-mode") ?? "").toUpperCase();
  const files = FILES.map(([parameter, option]) => [option, parameter, take(url, parameter)] as const);
  const given = files.filter(([, , path]) => path !== undefined);
  if (mode !== "" && !MODES.includes(mode)) throw new Error(`ssl-mode must be one of ${MODES.join(", ")}`);
  if (mode !== "" && url.searchParams.has("ssl")) throw new Error("ssl-mode and ssl exclude each other");
  if (mode === "" || mode === "DISABLED") {
    if (given.length > 0) throw new Error(`${given[0]?.[1]} needs an ssl-mode: ${MODES.slice(1).join(", ")}`);
    return { uri: url.href };
  }
  // The driver would compare an address with the name localhost.
  if (mode === "VERIFY_IDENTITY" && isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0) {
    throw new Error("ssl-mode=VERIFY_IDENTITY needs the host's name, not its address");
  }
  const verifies = mode !== "REQUIRED";
  const read = () =>
    Object.fromEntries(given.map(([option, parameter, path]) => [option, pem(parameter, path ?? "")]));
  // The driver's own default leaves the name unchecked: any certificate of the authority would do.
  const ssl: SslOptions = { rejectUnauthorized: verifies, verifyIdentity: mode === "VERIFY_IDENTITY" };
  const current = readAgain(read);
  for (const [option] of given) {
    Object.defineProperty(ssl, option, { enumerable: true, get: () => current()[option] });
  }
  return { uri: url.href, ssl };
}

/**
 * The files' content, read again for each connection, for they are replaced while the service runs. The driver takes one after
 * the other at once: all are of the same moment. What does not fit together, as half a pair, is as it was.
 */
function readAgain(read: () => Record<string, string>): () => Record<string, string> {
  let good = read();
  let isFresh = false;
  return () => {
    if (isFresh) return good;
    isFresh = true;
    setImmediate(() => {
      isFresh = false;
    });
    try {
      const found = read();
      createSecureContext(found);
      good = found;
    } catch {
      // It may be replaced right now. Where it stays like that, the server refuses what was good until now in the end.
    }
    return good;
  };
}

function take(url: URL, parameter: string): string | undefined {
  const value = url.searchParams.get(parameter) || undefined;
  url.searchParams.delete(parameter);
  return value;
}

function pem(parameter: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${parameter}: cannot read ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
  if (!text.includes("-----BEGIN ")) throw new Error(`${parameter}: ${path} is not in PEM format`);
  return text;
}
