import { LAST, type Core, type LastRun } from "./host.js";
import { survey } from "./survey.js";
import type { NeedCheck } from "./types.js";

/** Whether there is anything to move. */
export const checkNeed = async ({ _supported, _judge, _attempt, _open, _resumable }: Core): Promise<NeedCheck> => {
  const online = await _attempt(async () => ({}));
  let found = { itemCount: 0, storageSize: 0, _mark: [0, 0, 0] };
  let recommendation: NeedCheck["recommendation"] = "unsupported";
  try {
    found = await survey(_supported(), _judge());
    const last = await (await _open())._store._get<LastRun>(LAST);
    if (!found.itemCount) recommendation = last ? "restore" : "empty";
    else if (_resumable()) recommendation = "resume";
    else recommendation = `${last?.mark}` === `${found._mark}` ? "up_to_date" : "migrate";
  } catch {
    // The storage cannot be read.
  }
  const { itemCount, storageSize } = found;
  const needed = recommendation === "migrate" || recommendation === "resume";
  return { needed, itemCount, storageSize, recommendation, ...(!online.ok && { code: online.code }) };
};
