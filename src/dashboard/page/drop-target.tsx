/** Takes a file that is dropped anywhere on the page. */
import { useEffect, useState } from 'preact/hooks';

export function DropTarget({ onFile, isBusy }: { onFile: (file: File) => void; isBusy: boolean }) {
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
      const file = event.dataTransfer?.files[0];
      if (file && !isBusy) onFile(file);
    };
    addEventListener('dragover', over);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, [onFile, isBusy]);
  return isOver ? (
    <div class="drop-overlay" aria-hidden="true">
      <p>Drop the file to import it</p>
    </div>
  ) : null;
}
