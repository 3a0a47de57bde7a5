// compile_ksy.cjs FOLDER OUT: each FOLDER/*.json (a .ksy as JSON) to Python in OUT, by npm's kaitai-struct-compiler.
const fs = require("fs");
const path = require("path");
const Compiler = require("kaitai-struct-compiler");

const [folder, out] = process.argv.slice(2);

async function main() {
  for (const name of fs.readdirSync(folder).filter((each) => each.endsWith(".json"))) {
    const ksy = JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));
    const files = await new Compiler().compile("python", ksy, null, false);
    for (const [file, text] of Object.entries(files)) fs.writeFileSync(path.join(out, file), text);
  }
}

main().catch((error) => {
  console.error(String(error && error.message ? error.message : error));
  process.exit(1);
});
