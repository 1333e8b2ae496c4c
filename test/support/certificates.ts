import { join } from "node:path";
import { execa } from "execa";

/** PEM files of one certificate. */
export interface Certificate {
  cert: string;
  key: string;
}

/** Makes the files of a certificate authority in a directory. */
export async function createAuthority(directory: string, name = "ca"): Promise<Certificate> {
  const made = files(directory, name);
  await openssl([
    ...NEW_KEY,
    "-x509",
    "-days",
    "2",
    "-subj",
    `/CN=${name}`,
    "-keyout",
    made.key,
    "-out",
    made.cert,
  ]);
  return made;
}

/** A certificate of the authority for a host's name. Made again, it replaces the files. */
export async function issue(
  directory: string,
  authority: Certificate,
  name: string,
  host: string,
): Promise<Certificate> {
  const made = files(directory, name);
  await openssl([
    ...[...NEW_KEY, "-x509", "-days", "2", "-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`],
    ...["-addext", "basicConstraints=critical,CA:FALSE", "-CA", authority.cert, "-CAkey", authority.key],
    ...["-keyout", made.key, "-out", made.cert],
  ]);
  return made;
}

const NEW_KEY = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"];

function files(directory: string, name: string): Certificate {
  return { cert: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
}

async function openssl(args: string[]): Promise<void> {
  await execa("openssl", args);
}
