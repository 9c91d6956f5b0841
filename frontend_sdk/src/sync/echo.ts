/**
 * Hears every change of the origin's localStorage, the page's own included, and patches nothing: a hidden frame of
 * the same origin gets a genuine `storage` event for what any other document writes. What is written through the
 * frame reaches the page in turn as a genuine event, and is not heard here.
 */
export interface Echo {
  /** The frame's own view of the storage; undefined where there is no frame. */
  _area(): Storage | undefined;
  /** Builds the frame where it is missing; true if something may have gone unheard. */
  _mend(): boolean;
  _remove(): void;
}

export const createEcho = (heard: (key: string | null) => void): Echo => {
  let host: HTMLElement | undefined;
  let frame: HTMLIFrameElement | undefined;
  let area: Storage | undefined;

  const hear = ({ key, storageArea }: StorageEvent) => {
    if (storageArea === area) heard(key);
  };

  const listen = () => {
    try {
      const inner = frame!.contentWindow!;
      area = inner.localStorage;
      // Twice the same listener on one window is one; a document that was replaced has a window of its own.
      inner.addEventListener("storage", hear);
    } catch {
      // An opaque origin: only looking again is left.
      area = undefined;
    }
  };

  const remove = () => {
    host?.remove();
    host = frame = area = undefined;
  };

  return {
    _area: () => area,
    _remove: remove,
    _mend() {
      if (host?.isConnected && frame!.contentWindow) return false;
      remove();
      try {
        host = document.createElement("div");
        host.style.setProperty("display", "none", "important");
        frame = document.createElement("iframe");
        frame.onload = listen;
        // In a closed tree neither `window.length` nor a selector finds it, and `body` can be emptied.
        host.attachShadow({ mode: "closed" }).append(frame);
        document.documentElement.append(host);
        listen();
      } catch {
        remove();
      }
      return true;
    },
  };
};
