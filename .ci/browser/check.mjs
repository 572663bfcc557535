// Checks the built book, and the report of `cargo lab report`, in the system's Chromium:
//
//     node .ci/browser/check.mjs target/book --report target/lab/report.html
//
// Prints what it checked. Exits with 1 if there are faults, each with its page.
import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import * as book from "./book.mjs";
import { each } from "./each.mjs";
import { report } from "./report.mjs";
import { serve } from "./serve.mjs";

/** A word that the book explains. */
const WORD = "stampede";

/** Checks the book in `folder`, and returns what was checked, in words. */
async function checkBook(browser, folder, fault) {
    const pages = await book.pagesOf(folder);
    const server = await serve(folder);
    const bases = { http: server.address, file: pathToFileURL(folder).href };

    // What a page does to a check is a fault of that page. The other faults are reported too.
    const eachPage = (names, check) =>
        each(names, (name) =>
            check(name).catch((error) => fault(name, `a check cannot go on: ${error.stack ?? error}`)),
        );

    const [found, questions] = [new Map(), new Map()];
    // The longest comes first, so that no worker is left alone with it.
    pages.sort((one, other) => (other === "print.html") - (one === "print.html"));
    await eachPage(pages, async (name) => {
        await book.weight(folder, name, fault);
        found.set(name, await book.looks(browser, bases, name, fault));
        // The two others repeat what is on the pages of the chapters.
        if (!["index.html", "print.html"].includes(name)) {
            questions.set(name, await book.withoutScripts(browser, bases.http, name, fault));
        }
    });
    book.links(found, await readdir(folder), fault);

    const asking = [...questions.keys()].filter((name) => questions.get(name) > 0);
    const asked = asking.reduce((sum, name) => sum + questions.get(name), 0);
    if (asking.length === 0) throw new Error(`no page in ${folder} asks for a prediction`);
    await eachPage(asking, (name) => book.predictions(browser, bases.http, name, questions.get(name), fault));
    const one = asking.at(-1);
    let answers;
    await each(
        [
            async () => (answers = await book.print(browser, bases.http, asked, fault)),
            () => book.themes(browser, bases.http, "print.html", fault),
            () => book.predictions(browser, bases.file, one, questions.get(one), fault),
            () => book.withoutStore(browser, bases.http, one, fault),
            () => book.anyway(browser, bases.http, one, fault),
            () => book.search(browser, bases.http, WORD, fault),
            () => book.search(browser, bases.file, WORD, fault),
            () => book.colours(browser, bases.http, one, fault),
        ],
        (check) => check(),
    );

    server.close();
    const links = [...found.values()].reduce((sum, { links }) => sum + links.length, 0);
    return `${pages.length} pages, ${links} links, ${asked} predictions, ${answers} folded answers`;
}

const { positionals, values } = parseArgs({ allowPositionals: true, options: { report: { type: "string" } } });
if (positionals.length > 1 || (positionals.length === 0 && !values.report)) {
    console.error("usage: node check.mjs [BOOK] [--report FILE]");
    process.exit(2);
}
const faults = [];
const fault = (page, text) => faults.push(`${page}: ${text}`);
const browser = await book.launch();
const checked = [];
if (positionals.length > 0) checked.push(await checkBook(browser, resolve(positionals[0]), fault));
if (values.report) checked.push(await report(browser, resolve(values.report), fault));
await browser.close();
for (const text of faults) console.log(`FAULT ${text}`);
console.log(`${checked.join(", ")}: ${faults.length} faults, in ${(performance.now() / 1000).toFixed(0)} s`);
process.exitCode = faults.length > 0 ? 1 : 0;
