/** Runs `work` for each of `items`, a few at a time. */
export async function each(items, work) {
    const queue = [...items];
    const worker = async () => {
        for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    };
    await Promise.all(Array.from({ length: 3 }, worker));
}
