// Breaks a page of the built book in each way that the checks must notice:
//
//     node .ci/browser/self-test.mjs target/book
//
// Exits with 1 if a check lets its fault pass, or complains about the page as it is.
import { readFile, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import * as book from "./book.mjs";
import { each } from "./each.mjs";
import { serve } from "./serve.mjs";

const PAGE = "one-lock.html";
const { positionals } = parseArgs({ allowPositionals: true });
if (positionals.length !== 1) {
    console.error("usage: node self-test.mjs BOOK");
    process.exit(2);
}
const folder = resolve(positionals[0]);
const files = await readdir(folder, { recursive: true });
const theme = (name) => files.find((file) => file.startsWith(join("theme", name)));

const browser = await book.launch();

// Each check, of the book at an address.
const looks = async (address, fault) => {
    const bases = { http: address, file: address };
    book.links(new Map([[PAGE, await book.looks(browser, bases, PAGE, fault)]]), files, fault);
};
// The checks on paper and in all themes are made of the page that prints all chapters.
const paper = (address, fault) => book.looks(browser, { http: address, file: address }, "print.html", fault);
const themes = (address, fault) => book.themes(browser, address, PAGE, fault);
const predictions = async (address, fault) => {
    const page = await readFile(join(folder, PAGE), "utf8");
    await book.predictions(browser, address, PAGE, page.split("<strong>Predict.</strong>").length - 1, fault);
};
const withoutScripts = (address, fault) => book.withoutScripts(browser, address, PAGE, fault);
const search = (address, fault) => book.search(browser, address, "stampede", fault);
const print = async (address, fault) => {
    const page = await readFile(join(folder, "print.html"), "utf8");
    await book.print(browser, address, page.split("<strong>Predict.</strong>").length - 1, fault);
};
const colours = (address, fault) => book.colours(browser, address, PAGE, fault);

const [css, predict, printing] = [theme("book"), theme("predict"), theme("print")];
const index = files.find((file) => file.startsWith("searchindex-"));
const add = (html) => (text) => text.replace("</main>", `${html}</main>`);
const figure = (inside) =>
    add(`<figure><svg role="img" width="90" height="20"><title>t</title>${inside}</svg></figure>`);
const cut = (code, instead = "") => (text) => {
    if (!text.includes(code)) throw new Error(`the theme has no longer: ${code}`);
    return text.replaceAll(code, instead);
};

// The check, the file that is broken, how, and a part of the complaint.
const BREAKAGES = [
    [looks, PAGE, add("<p style='width: 2000px; max-width: none'>wide</p>"), "wider than the window: p"],
    [paper, "print.html", add("<p style='width: 700px; max-width: none'>wide</p>"), "wider than the paper: p"],
    [looks, PAGE, add("<p style='color: #888; background: #999'>faint</p>"), 'of p "faint"'],
    [looks, PAGE, figure("<text y='15' fill='#ccc' style='fill: #ccc'>faint</text>"), 'contrast 1.61 of the picture "t"'],
    [looks, PAGE, figure("<rect width='90' height='20'/><text y='15' fill='#000'>hidden</text>"), "contrast 1.00"],
    [looks, PAGE, figure("<text y='15' font-size='10'>small</text>"), "is 10.0 px high"],
    [looks, PAGE, (text) => text.replace(/<title id="coarse-title">.*?<\/title>/, ""), "a picture has no title"],
    [looks, PAGE, add("<a href='one-lock.html#nowhere'>link</a>"), "a link leads nowhere: /one-lock.html#nowhere"],
    [looks, PAGE, add("<a href='nowhere.html'>link</a>"), "a link leads nowhere: /nowhere.html"],
    [looks, PAGE, add("<img alt='' src='nowhere.png'>"), "the console says"],
    [looks, PAGE, add("<script>nothing()</script>"), "a script failed"],
    [paper, "print.html", add("<div style='background: #222; color: #fff'>box</div>"), "a dark box: div"],
    [looks, css, cut("min-width: 690px;"), "px high"],
    [paper, css, cut("--fg: #000;", "--fg: #bcbdd0;"), "on paper: contrast"],
    [themes, css, cut("--inline-code-color: #4b483e;", "--inline-code-color: #8e8b7e;"), "rust: contrast"],
    [predictions, predict, cut("|| this.answer.open) return;", "|| true) return;"), "opens before anything is written"],
    [predictions, predict, cut("this.answer.open = true;"), "stays closed"],
    [predictions, predict, cut("localStorage.setItem(key, JSON.stringify(value));"), "lost on a reload"],
    [predictions, predict, cut("localStorage.removeItem(key);"), "it is not forgotten"],
    [predictions, predict, cut('if (event.key === "Enter"'), " questions, and 0 fields"],
    [withoutScripts, css, (text) => `${text} details > p { display: none }`, "a fold does not open"],
    [search, index, () => "", "is not found"],
    [print, css, cut("details:not([open])", "details::details-content { content-visibility: visible } .none"), "answers"],
    [print, css, cut("height: 5em;"), "lines to write on"],
    [print, printing, cut("window.addEventListener(\"afterprint\", restore, { once: true });"), "stay open after printing"],
    [print, printing, cut('if (new URLSearchParams(location.search).has("answers")) open(true);'), "the print for teachers"],
    [colours, css, cut("--line-3: #00634a", "--line-3: #aaa"), "rust, screen: contrast"],
];

let failures = 0;
const complain = (text) => {
    failures += 1;
    console.log(`FAULT ${text}`);
};
/** Runs a check of the book with one file changed, and returns its complaints. */
async function faultsWith(check, file, change) {
    const server = await serve(folder);
    const faults = [];
    try {
        if (change) server.instead.set(`/${file}`, change(await readFile(join(folder, file), "utf8")));
        await check(server.address, (_, text) => faults.push(text));
    } catch (error) {
        faults.push(error.message);
    }
    server.close();
    return faults;
}

await each([looks, paper, themes, predictions, withoutScripts, search, print, colours], async (check) => {
    for (const text of await faultsWith(check)) complain(`complains about the book as it is: ${text}`);
});
await each(BREAKAGES, async ([check, file, change, expected]) => {
    const faults = await faultsWith(check, file, change);
    if (!faults.some((fault) => fault.includes(expected))) {
        complain(`not noticed: ${expected}\n    but: ${faults.slice(0, 3).join("\n    ") || "nothing"}`);
    }
});
await browser.close();
console.log(`${BREAKAGES.length} breakages, ${failures} faults`);
process.exitCode = failures > 0 ? 1 : 0;
