import { build, type Plugin } from "esbuild";
import { fileURLToPath } from "node:url";
import type { MigrationClient, MigrationClientOptions } from "../../../src/types.js";

/**
 * The SDK as it is, loaded anew by each page: its modules find the page's globals instead of this process's, so that
 * tabs share nothing but what browsers let them share.
 */

/** One function of one module, replaced: how a bug is seeded without the product knowing of it. */
export interface Sabotage {
  /** The module, from `src`, without its ending. */
  module: string;
  /** The function's name. */
  name: string;
  /** An expression for the new one; `real` is the old one. */
  instead: string;
}

export const GLOBALS = [
  ...["globalThis", "window", "document", "navigator", "location", "indexedDB", "fetch", "WebSocket"],
  ...["BroadcastChannel", "MessageChannel", "StorageEvent", "dispatchEvent", "CompressionStream", "console", "crypto"],
  ...["Math", "Date", "performance", "setTimeout", "clearTimeout", "Storage"],
  ...["setInterval", "clearInterval"],
] as const;

export type Globals = Record<(typeof GLOBALS)[number], unknown>;
export type Load = (globals: Globals) => (options: MigrationClientOptions) => MigrationClient;

const root = fileURLToPath(new URL("../../../src/", import.meta.url));

const sabotaged = ({ module, name, instead }: Sabotage): Plugin => ({
  name: "sabotage",
  setup({ onResolve, onLoad }) {
    const file = `${root}${module}.ts`;
    onResolve({ filter: new RegExp(`/${module.split("/").at(-1)}\\.js$`) }, ({ importer }) =>
      importer === "sabotaged" || importer.startsWith("sabotage:") ? { path: file } : { path: file, namespace: "sabotage" },
    );
    onLoad({ filter: /.*/, namespace: "sabotage" }, () => ({
      contents: `export * from "${file}";\nimport { ${name} as real } from "${file}";\nexport const ${name} = ${instead};`,
      resolveDir: root,
    }));
  },
});

const bundled = new Map<string, Promise<Load>>();

const bundle = async (sabotage?: Sabotage): Promise<Load> => {
  const { outputFiles } = await build({
    entryPoints: [`${root}index.ts`],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "sdk",
    target: "es2021",
    plugins: sabotage ? [sabotaged(sabotage)] : [],
    logLevel: "error",
  });
  const code = `${outputFiles[0]!.text}\nreturn sdk.createMigrationClient;\n//# sourceURL=sdk.js`;
  const load = new Function(...GLOBALS, code);
  return (globals) => load(...GLOBALS.map((name) => globals[name]));
};

export const loadSdk = (sabotage?: Sabotage): Promise<Load> => {
  const name = JSON.stringify(sabotage ?? null);
  if (!bundled.has(name)) bundled.set(name, bundle(sabotage));
  return bundled.get(name)!;
};
