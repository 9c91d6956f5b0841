/**
 * Plays the simulator of dual write (test/simulator).
 *
 *   node scripts/simulate.mjs SEED [BUG or HARDSHIP]         one seed, and the fewest steps that fail
 *   node scripts/simulate.mjs --seeds FROM COUNT [HARDSHIP]  many, half of them in a process of its own
 *   node scripts/simulate.mjs --record FROM COUNT            what is said to the server, a line of JSON a seed
 */
import { build } from "esbuild";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// Beside the sources: what it bundles it finds from where it stands.
const outfile = join(root, "test/simulator/browser/.simulator.mjs");
mkdirSync(dirname(outfile), { recursive: true });
await build({
  entryPoints: [join(root, "test/simulator/cli.ts")],
  bundle: true,
  outfile,
  format: "esm",
  platform: "node",
  packages: "external",
  target: "node20",
});

const [first, from, count, ...rest] = process.argv.slice(2);
const play = (...words) =>
  new Promise((resolve) => spawn(process.execPath, [outfile, ...words], { stdio: "inherit" }).on("exit", resolve));
const half = Math.ceil(Number(count) / 2);
const codes =
  first === "--seeds"
    ? await Promise.all([play(first, from, String(half), ...rest), play(first, String(Number(from) + half), String(Number(count) - half), ...rest)])
    : [await play(...process.argv.slice(2))];
process.exitCode = codes.some((code) => code !== 0) ? 1 : 0;
