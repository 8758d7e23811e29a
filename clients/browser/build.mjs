// Writes dist/: client.js, and widget.js, which imports it, so that a page that uses both loads it once.

import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { build, transform } from "esbuild";
import { minify } from "terser";

const PUBLIC_TYPES = ["client.d.ts", "texts.d.ts", "types.d.ts", "widget.d.ts"];

/** Imports a style sheet as its minified text. */
const css = {
  name: "css",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

/** Names of properties that end with an underscore are internal to a bundle, and shortened. */
const terser = {
  module: true,
  ecma: 2022,
  compress: { passes: 3, pure_getters: true, unsafe_arrows: true, unsafe_methods: true, booleans_as_integers: true },
  mangle: { properties: { regex: /_$/ } },
};

async function bundle(name, compress, options = {}) {
  const { outputFiles } = await build({
    entryPoints: [`src/${name}.ts`],
    bundle: true,
    minifySyntax: true,
    format: "esm",
    target: "es2022",
    write: false,
    ...options,
  });
  const { code } = await minify(outputFiles[0].text, { ...terser, compress: { ...terser.compress, ...compress } });
  await writeFile(`dist/${name}.js`, code);
}

// Hoisting makes the client smaller, and the widget larger.
await bundle("client", { hoist_funs: true });
await bundle("widget", {}, { external: ["./client.js"], plugins: [css] });

const internal = (await readdir("dist")).filter((name) => name.endsWith(".d.ts") && !PUBLIC_TYPES.includes(name));
await Promise.all(internal.map((name) => rm(`dist/${name}`)));
