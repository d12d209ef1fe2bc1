/** Sends a file's bytes to where the gateway said, and tells how far it is. `fetch` cannot tell that. */
import { ownLink } from './format.ts';

export type Uploaded =
  | { readonly outcome: 'received' }
  | { readonly outcome: 'refused' | 'broken'; readonly message: string };

export function upload(options: {
  url: string;
  file: File;
  signal: AbortSignal;
  onProgress: (sentBytes: number) => void;
}): Promise<Uploaded> {
  const { url, file, signal, onProgress } = options;
  const request = new XMLHttpRequest();
  signal.addEventListener('abort', () => request.abort(), { once: true });
  return new Promise((resolve) => {
    request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    request.onload = () => {
      if (request.status === 200) resolve({ outcome: 'received' });
      else resolve({ outcome: 'refused', message: refusalIn(request.responseText, request.status) });
    };
    const broken = { outcome: 'broken', message: 'The upload broke. Nothing was imported.' } as const;
    request.onerror = () => resolve(broken);
    request.onabort = () => resolve(broken);
    request.open('PUT', ownLink(url));
    request.send(file);
  });
}

function refusalIn(text: string, status: number): string {
  try {
    const answer: unknown = JSON.parse(text);
    const { error } = answer as { error?: { message?: unknown } }; // Checked below, as far as it is used.
    if (typeof error?.message === 'string') return error.message;
  } catch {
    // A proxy's page, perhaps.
  }
  return `The file was refused with status ${status}.`;
}
