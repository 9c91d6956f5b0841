import { readAll } from "./area.js";
import { encodeLine } from "./codec.js";
import type { Judge } from "./judge.js";
import { addMark, markOfEntry, type Mark } from "./mark.js";
import { breathe } from "./pace.js";

/** What would travel: how much, and a mark to tell whether it changed. */
export const survey = async (area: Storage, judge: Judge) => {
  let [itemCount, storageSize] = [0, 0];
  const mark: Mark = [0, 0, 0];
  for (const [key, value] of await readAll(area)) {
    await breathe();
    if (await judge(key, value)) continue;
    const line = await encodeLine([key, value]);
    itemCount++;
    storageSize += line.length;
    addMark(mark, await markOfEntry(key, value));
  }
  return { itemCount, storageSize, _mark: mark };
};
