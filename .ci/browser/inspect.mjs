// What runs inside a page. Each function is sent to the browser as text, so it uses nothing from outside itself. Each
// returns a list of faults.

/**
 * Elements that are wider than the window. An element inside a box that scrolls sideways may be; the boxes that hold
 * the whole page are no such boxes. With `isPaper` nothing may scroll, because paper cannot.
 */
export function width(isPaper) {
    const WHOLE_PAGE = "html, body, #mdbook-body-container, #mdbook-page-wrapper, .page, .content, main";
    const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    const isInBox = (element) => {
        for (let box = element.parentElement; box; box = box.parentElement) {
            if (!box.matches(WHOLE_PAGE) && (scrolls(box) || getComputedStyle(box).position === "fixed")) return true;
        }
        return false;
    };
    const name = (element) =>
        [element.localName, ...element.classList].join(".") + ` "${element.textContent.trim().slice(0, 30)}"`;

    const faults = [];
    const root = isPaper ? document.querySelector("main") : document.body;
    for (const element of root.querySelectorAll("*")) {
        // What is drawn inside a picture is no wider than the picture, or the picture has a box that scrolls.
        if (element.closest("svg") && !element.matches("svg")) continue;
        if (!element.checkVisibility({ visibilityProperty: true })) continue;
        const { left, right, width } = element.getBoundingClientRect();
        const isWide = width > 0 && (right > innerWidth + 0.5 || (left < -0.5 && right > 0));
        if (isWide && (isPaper || !isInBox(element))) {
            faults.push(`wider than the ${isPaper ? "paper" : "window"}: ${name(element)} ends at ${Math.round(right)} px`);
        }
    }
    return faults.slice(0, 5);
}

/**
 * Texts with too little contrast, pictures without a title, and letters that are too small. `where` selects the parts of
 * the page whose text is looked at; pictures are looked at everywhere.
 */
export function contrast({ where, except, least, smallest }) {
    const faults = [];
    const parse = (text) => {
        const rgb = text.match(/^rgba?\(([^)]*)\)$/);
        const srgb = text.match(/^color\(srgb ([^)]*)\)$/);
        if (!rgb && !srgb) throw new Error(`a colour that this check cannot read: ${text}`);
        const numbers = (rgb ?? srgb)[1].split(/[\s,/]+/).map(Number);
        const [red, green, blue] = numbers.slice(0, 3).map((part) => (rgb ? part / 255 : part));
        return { colour: [red, green, blue], alpha: numbers[3] ?? 1 };
    };
    /** The colour of a filled shape. Of a pattern, the colour of its thin lines, which cover about a quarter of it. */
    const filled = (text) => {
        const pattern = text.match(/^url\("?#([^")]*)"?\)$/);
        if (!pattern) return parse(text);
        const lines = document.getElementById(pattern[1])?.firstElementChild;
        if (!lines) throw new Error(`a pattern that is not there: ${text}`);
        return { colour: parse(getComputedStyle(lines).stroke).colour, alpha: 0.25 };
    };
    const over = (top, alpha, below) => top.map((part, index) => part * alpha + below[index] * (1 - alpha));
    const luminance = (colour) => {
        const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        const [red, green, blue] = colour.map(linear);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ratio = (one, other) => {
        const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
    // What is asked again for each text of an element is computed once.
    const remember = (compute) => {
        const known = new Map();
        return (element) => {
            if (!known.has(element)) known.set(element, compute(element));
            return known.get(element);
        };
    };
    /** The product of the opacities of an element and of all around it. */
    const opacity = remember((element) =>
        element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1,
    );
    /** The colour of the page behind the text of an element of HTML. */
    const behind = remember((element) => {
        if (!element) {
            // The browser's own page: white, or the dark one of `color-scheme`.
            const isDark = getComputedStyle(document.documentElement).colorScheme.includes("dark");
            return isDark && matchMedia("(prefers-color-scheme: dark)").matches ? [0.07, 0.07, 0.07] : [1, 1, 1];
        }
        const { colour, alpha } = parse(getComputedStyle(element).backgroundColor);
        return alpha === 1 ? colour : over(colour, alpha, behind(element.parentElement));
    });
    const judge = (what, text, colour, alpha, background) => {
        const found = ratio(over(colour, alpha, background), background);
        if (found < least) faults.push(`contrast ${found.toFixed(2)} of ${what} "${text.trim().replace(/\s+/g, " ").slice(0, 40)}"`);
    };

    // The texts of the page.
    for (const root of document.querySelectorAll(where)) {
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        const seen = new Set();
        while (walker.nextNode()) {
            const element = walker.currentNode.parentElement;
            if (!walker.currentNode.data.trim() || seen.has(element)) continue;
            seen.add(element);
            if (element.closest(`svg, ${except}`) || !element.checkVisibility({ visibilityProperty: true })) continue;
            const { colour, alpha } = parse(getComputedStyle(element).color);
            const seenAlpha = alpha * opacity(element);
            judge(element.localName, walker.currentNode.data, colour, seenAlpha, behind(element));
        }
    }

    // The texts of pictures: the colour behind one is that of the shapes drawn before it.
    for (const svg of document.querySelectorAll("figure svg, svg[role=img]")) {
        if (!svg.checkVisibility()) continue;
        const title = svg.querySelector(":scope > title")?.textContent.trim();
        if (!title) faults.push("a picture has no title");
        const page = behind(svg.parentElement);
        const shapes = [...svg.querySelectorAll("rect, path, circle, ellipse, polygon, text")].filter(
            (shape) => !shape.closest("defs, clipPath, mask, pattern, marker"),
        );
        for (const [index, text] of shapes.entries()) {
            if (!text.matches("text") || !text.textContent.trim()) continue;
            const matrix = text.getScreenCTM();
            const leaves = [text, ...text.querySelectorAll("tspan")];
            const sizes = leaves.map((leaf) => parseFloat(getComputedStyle(leaf).fontSize));
            const size = Math.min(...sizes) * Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c));
            if (size < smallest - 0.05) {
                faults.push(`"${text.textContent}" in the picture "${title}" is ${size.toFixed(1)} px high`);
            }
            const box = text.getBBox();
            const style = getComputedStyle(text);
            const { colour, alpha } = parse(style.fill);
            const seenAlpha = alpha * Number(style.fillOpacity) * opacity(text);
            for (const part of [0.05, 0.5, 0.95]) {
                const point = new DOMPoint(box.x + part * box.width, box.y + box.height / 2).matrixTransform(matrix);
                let background = page;
                for (const shape of shapes.slice(0, index)) {
                    const shapeStyle = getComputedStyle(shape);
                    if (shape.matches("text") || shapeStyle.fill === "none") continue;
                    const inShape = point.matrixTransform(shape.getScreenCTM().inverse());
                    if (!shape.isPointInFill(inShape)) continue;
                    const fill = filled(shapeStyle.fill);
                    const cover = fill.alpha * Number(shapeStyle.fillOpacity) * opacity(shape);
                    background = over(fill.colour, cover, background);
                }
                judge(`the picture "${title}":`, text.textContent, colour, seenAlpha, background);
            }
        }
    }

    return [...new Set(faults)].slice(0, 8);
}

/** The colours that figures use: those of texts and those of marks have a least contrast to the page. */
export function palette(leastOf) {
    const luminance = (colour) => {
        const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        const [red, green, blue] = colour.match(/[\d.]+/g).slice(0, 3).map((part) => linear(part / 255));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const probe = document.body.appendChild(document.createElement("span"));
    const colourOf = (variable) => {
        probe.style.color = `var(${variable}, transparent)`;
        return getComputedStyle(probe).color;
    };
    const page = luminance(colourOf("--bg"));
    const faults = [];
    for (const [variable, least] of Object.entries(leastOf)) {
        const colour = colourOf(variable);
        const [low, high] = [luminance(colour), page].sort((a, b) => a - b);
        const ratio = (high + 0.05) / (low + 0.05);
        if (colour.startsWith("rgba") || ratio < least) faults.push(`contrast ${ratio.toFixed(2)} of ${variable}`);
    }
    probe.remove();
    return faults;
}
