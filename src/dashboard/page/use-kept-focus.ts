/** Whoever works by keyboard keeps their place, also where the button they have pressed goes away. */
import { useEffect, useRef } from 'preact/hooks';

/** When what has the focus is taken out of the element that gets this ref, the first button or link in there has it. */
export function useKeptFocus<Holder extends HTMLElement>() {
  const holder = useRef<Holder>(null);
  useEffect(() => {
    const { current } = holder;
    if (current === null) return;
    let focused: Element | null = null;
    const enter = ({ target }: FocusEvent) => {
      focused = target instanceof Element ? target : null;
    };
    // Also told, before it happens, where an element is taken out: only a moment later is it clear who left whom.
    const leave = () =>
      setTimeout(() => {
        if (focused?.isConnected && focused !== document.activeElement) focused = null;
      });
    const observer = new MutationObserver(() => {
      if (focused === null || focused.isConnected) return;
      focused = null;
      if (document.activeElement === document.body) current.querySelector<HTMLElement>('button, a')?.focus();
    });
    current.addEventListener('focusin', enter);
    current.addEventListener('focusout', leave);
    observer.observe(current, { childList: true, subtree: true });
    return () => {
      current.removeEventListener('focusin', enter);
      current.removeEventListener('focusout', leave);
      observer.disconnect();
    };
  }, []);
  return holder;
}
