/**
 * Builds `dist/`, which is committed: the server hands it out on machines without Node.
 *
 *   node scripts/build.mjs           writes it
 *   node scripts/build.mjs --check   fails where it is stale
 *
 * Either way core, dual write and compat entry must fit their budgets.
 */
import { build } from "esbuild";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { minify } from "terser";
import ts from "typescript";

const CORE_BUDGET = 8 * 1024;
const SYNC_BUDGET = 7.5 * 1024;
// All that a page which has migrated and writes on both sides ever fetches.
const DUAL_BUDGET = 10 * 1024;
const CUTOVER_BUDGET = 5.5 * 1024;
const COMPAT_BUDGET = 1024;
const BUDGETS = {
  "migration.js": CORE_BUDGET,
  "migration.global.js": CORE_BUDGET,
  "migration-sync.js": SYNC_BUDGET,
  "migration-dual.js": DUAL_BUDGET,
  "migration-dual.global.js": DUAL_BUDGET,
  "migration-cutover.js": CUTOVER_BUDGET,
  "migration-compat.js": COMPAT_BUDGET,
};
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");

const source = (path) => join(root, "src", path);

const target = "es2021";
const common = {
  bundle: true,
  write: false,
  minify: true,
  target,
  // Names that begin with an underscore never leave the package; core and engine must agree on them.
  mangleProps: /^_[a-z]/,
  legalComments: "none",
};

/** Leaves a module out of a bundle: it is a file of its own beside it. */
const apart = (module, path) => ({
  name: `${module}-apart`,
  setup: ({ onResolve }) =>
    onResolve({ filter: new RegExp(`^\\./${module}\\.js$`) }, () => ({ path, external: true })),
});
// Fetched when first needed.
const engineApart = apart("engine", "./migration-engine.js");
const syncApart = apart("sync", "./migration-sync.js");
const cutoverApart = apart("cutover", "./migration-cutover.js");

// Not "iife": that would turn the engine's import() into a require() no browser knows.
const script = { format: "esm", wrap: (code) => `(()=>{${code}})();` };

const entries = [
  { out: "migration.js", entryPoints: [source("index.ts")], format: "esm", plugins: [engineApart, syncApart, cutoverApart] },
  { out: "migration.global.js", entryPoints: [source("global.ts")], ...script, plugins: [engineApart, syncApart, cutoverApart] },
  { out: "migration-dual.js", entryPoints: [source("dual.ts")], format: "esm", plugins: [engineApart, cutoverApart] },
  { out: "migration-dual.global.js", entryPoints: [source("dual.global.ts")], ...script, plugins: [engineApart, cutoverApart] },
  { out: "migration-engine.js", entryPoints: [source("engine.ts")], format: "esm" },
  { out: "migration-sync.js", entryPoints: [source("sync.ts")], format: "esm" },
  { out: "migration-cutover.js", entryPoints: [source("cutover.ts")], format: "esm" },
  {
    out: "migration-compat.js",
    entryPoints: [source("compat.ts")],
    format: "esm",
    plugins: [apart("index", "./migration.js")],
  },
];
// The panel shows a plan, and so needs the engine at once: one tag, one file.
if (existsSync(source("panel/index.ts")))
  entries.push({ out: "migration-progress.js", entryPoints: [source("panel/index.ts")], format: "iife" });

// The shortest names for what is fetched most often.
const first = { ...common, entryPoints: [source("dual.ts")], format: "esm", plugins: [engineApart, cutoverApart], mangleCache: {} };
const { mangleCache } = await build(first);
const whole = await build({ ...common, entryPoints: [source("index.ts")], format: "esm", mangleCache });

const bundle = async ({ out, wrap = String, ...options }) => {
  const result = await build({ ...common, ...options, mangleCache: whole.mangleCache });
  // Only the bundler can shorten names across files; a second minifier takes another twentieth off what it leaves.
  const { code } = await minify(result.outputFiles[0].text, {
    module: true,
    ecma: 2021,
    compress: { passes: 3 },
  });
  return [out, wrap(code)];
};

/** The public types in one file: nothing but the factory has code behind it. */
const declarations = () => {
  const declare = (fileName) => {
    const compilerOptions = { target: ts.ScriptTarget.ES2021 };
    const text = readFileSync(source(fileName), "utf8");
    const { outputText } = ts.transpileDeclaration(text, { fileName, compilerOptions });
    return outputText.replace(/^(?:import|export) type [^;]* from [^;]*;\n/gm, "");
  };
  const factory =
    "/** Makes a client. Nothing is read, sent or kept before one of its calls. */\n" +
    "export declare const createMigrationClient: (options: MigrationClientOptions) => MigrationClient;\n";
  return ["migration.d.ts", declare("types.ts") + declare("findings.ts") + declare("writes.ts") + declare("reads.ts") + declare("wire.ts") + factory];
};

/** Types of the older names; what each facade has is inferred, and so takes the whole compiler. */
const compatDeclarations = () => {
  let text;
  const options = {
    declaration: true,
    emitDeclarationOnly: true,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    resolveJsonModule: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2021,
  };
  ts.createProgram([source("compat.ts")], options).emit(undefined, (name, written) => {
    if (name.endsWith("compat.d.ts")) text = written;
  });
  return ["migration-compat.d.ts", text.replace('"./types.js"', '"./migration.js"')];
};

const files = [...(await Promise.all(entries.map(bundle))), declarations(), compatDeclarations()];
const sizes = Object.fromEntries(files.map(([name, text]) => [name, gzipSync(text, { level: 9 }).length]));
for (const [name, size] of Object.entries(sizes)) console.log(`${name.padEnd(24)} ${String(size).padStart(6)} B gzip`);

let failed = false;
for (const [name, budget] of Object.entries(BUDGETS)) {
  if (sizes[name] <= budget) continue;
  console.error(`${name} weighs ${sizes[name]} B, more than ${budget} B.`);
  failed = true;
}
if (process.argv.includes("--check")) {
  for (const [name, text] of files) {
    const path = join(dist, name);
    if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
    console.error(`dist/${name} is stale: npm run build`);
    failed = true;
  }
} else {
  mkdirSync(dist, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(dist, name), text);
}
process.exitCode = failed ? 1 : 0;
