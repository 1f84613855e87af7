// The arithmetic of pairing: hex, the key from a typed code, and the two proofs. Called by link.
// Knows no socket and no storage; the same formulas stand in server/transport/pairing.py.
import { KEY_BYTES, PBKDF2_ROUNDS, VERSION } from './protocol.ts';

const utf8 = new TextEncoder();

/** What both proofs are computed over. Nonces are 64 hex digits. */
export interface Handshake {
  nonceClient: string;
  nonceServer: string;
  origin: string;
  port: number;
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function newNonce(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
}

/** The code as both sides hash it, however it was typed. */
export function normaliseCode(code: string): string {
  return code.toUpperCase().replace(/[\s-]/g, '');
}

export async function keyFromCode(code: string, nonceClient: string, nonceServer: string): Promise<Uint8Array<ArrayBuffer>> {
  const salt = utf8.encode(`retinue-pair|${nonceClient}|${nonceServer}`);
  const password = await crypto.subtle.importKey('raw', utf8.encode(normaliseCode(code)), 'PBKDF2', false, ['deriveBits']);
  const bits = await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations: PBKDF2_ROUNDS }, password, KEY_BYTES * 8);
  return new Uint8Array(bits);
}

/** HMAC-SHA-256 that says "I am the server" or "I am the client" of exactly this handshake. */
export async function proofOf(role: 'server' | 'client', key: Uint8Array<ArrayBuffer>, shake: Handshake): Promise<string> {
  const text = [role, VERSION, shake.nonceClient, shake.nonceServer, shake.origin, shake.port].join('|');
  const hmac = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return toHex(new Uint8Array(await crypto.subtle.sign('HMAC', hmac, utf8.encode(text))));
}

/** Compares without stopping at the first difference. */
export function sameProof(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i += 1) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
