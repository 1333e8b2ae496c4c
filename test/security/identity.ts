import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** A key pair as Restate signs its requests with. */
export interface Identity {
  /** For the service: `RESTATE_IDENTITY_KEYS`. */
  publicKey: string;
  /** For restate-server: the file that `RESTATE_REQUEST_IDENTITY_PRIVATE_KEY_PEM_FILE` names. */
  privateKeyPem: string;
  /** The headers of a request that this key signed. */
  signed(claims: Claims, header?: Record<string, string>): Record<string, string>;
}

/** Unix seconds; `aud` is the path that the request asks for. */
export interface Claims {
  aud: string;
  nbf: number;
  exp: number;
}

export function createIdentity(): Identity {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  const name = `publickeyv1_${base58(raw)}`;
  return {
    publicKey: name,
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    signed: (claims, header = {}) => ({
      "x-restate-signature-scheme": "v1",
      "x-restate-jwt-v1": jwt({ typ: "JWT", alg: "EdDSA", kid: name, ...header }, claims, privateKey),
    }),
  };
}

/** Valid from a minute ago for two minutes. */
export function fresh(aud: string): Claims {
  const now = Math.floor(Date.now() / 1_000);
  return { aud, nbf: now - 60, exp: now + 60 };
}

/** With `alg` none nothing is signed. */
function jwt(header: Record<string, string>, claims: Claims, key: KeyObject): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part(header)}.${part({ ...claims, iat: claims.nbf })}`;
  const signature = header.alg === "none" ? "" : sign(null, Buffer.from(text), key).toString("base64url");
  return `${text}.${signature}`;
}

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

function base58(bytes: Uint8Array): string {
  let number = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  for (; number > 0n; number /= 58n) text = ALPHABET[Number(number % 58n)] + text;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return "1".repeat(zeros) + text;
}
