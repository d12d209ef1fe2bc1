/** Takes files that are dropped anywhere on the page. */
import { useEffect, useState } from 'preact/hooks';

export function DropTarget({ onFiles, isBusy }: { onFiles: (files: readonly File[]) => void; isBusy: boolean }) {
  const [isOver, setIsOver] = useState(false);
  useEffect(() => {
    const brings = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const over = (event: DragEvent) => {
      if (!brings(event)) return;
      event.preventDefault();
      setIsOver(!isBusy);
    };
    const leave = (event: DragEvent) => {
      // Only when the pointer leaves the window; inside, it goes from one element to the next.
      if (event.relatedTarget === null) setIsOver(false);
    };
    const drop = (event: DragEvent) => {
      setIsOver(false);
      if (!brings(event)) return;
      // Otherwise the browser leaves this page to show the file.
      event.preventDefault();
      const files = [...(event.dataTransfer?.files ?? [])];
      if (!isBusy) onFiles(files);
    };
    addEventListener('dragover', over);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, [onFiles, isBusy]);
  return isOver ? (
    <div class="drop-overlay" aria-hidden="true">
      <p>Drop the file to import it</p>
    </div>
  ) : null;
}
