/** Sends a file's bytes to where the gateway said, and tells how far it is. `fetch` cannot tell that. */
import { ownLink } from './format.ts';
import { isGzip } from './guess-kind.ts';

export type Uploaded =
  | { readonly outcome: 'received' }
  | { readonly outcome: 'refused'; readonly status: number; readonly message: string }
  | { readonly outcome: 'broken'; readonly message: string };

export async function upload(options: {
  url: string;
  file: File;
  signal: AbortSignal;
  onProgress: (sentBytes: number) => void;
}): Promise<Uploaded> {
  const { url, file, signal, onProgress } = options;
  const broken = { outcome: 'broken', message: 'The upload broke. Nothing was imported: try again.' } as const;
  // A file that cannot be read any more fails below, where that is told.
  const isPacked = await isGzip(file).catch(() => false);
  if (signal.aborted) return broken;
  const request = new XMLHttpRequest();
  signal.addEventListener('abort', () => request.abort(), { once: true });
  return await new Promise((resolve) => {
    request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    request.onload = () => {
      if (request.status === 200) resolve({ outcome: 'received' });
      else
        resolve({
          outcome: 'refused',
          status: request.status,
          message: refusalIn(request.responseText, request.status),
        });
    };
    request.onerror = () => resolve(broken);
    request.onabort = () => resolve(broken);
    request.open('PUT', ownLink(url));
    if (isPacked) request.setRequestHeader('content-encoding', 'gzip');
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
  return `The file was refused with status ${status}. Nothing was imported.`;
}
