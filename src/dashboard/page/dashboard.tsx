/** The page once somebody is in: imports on one side, CXone and its news on the other. */
import { useState } from 'preact/hooks';
import type { ImportNewsFragment } from '../../client/generated/graphql.ts';
import { announcementOf } from './announcement.ts';
import { DropTarget } from './drop-target.tsx';
import { EnrichmentPanel } from './enrichment-panel.tsx';
import type { Connection } from './gateway.ts';
import { Header } from './header.tsx';
import { ImportList } from './import-list.tsx';
import { Overview } from './overview.tsx';
import { UploadDialog } from './upload-dialog.tsx';
import { UpstreamPanel } from './upstream-panel.tsx';
import { useImports } from './use-imports.ts';
import { useStatus } from './use-status.ts';

export function Dashboard(props: { connection: Connection; onSignOut: (() => void) | null }) {
  const { connection, onSignOut } = props;
  const [announcement, setAnnouncement] = useState('');
  // Several that were dropped together are asked about one after the other.
  const [files, setFiles] = useState<readonly File[]>([]);
  const [file] = files;
  const isLive = connection.state === 'live';
  const imports = useImports(isLive, (event: ImportNewsFragment) => {
    const text = announcementOf(event);
    if (text !== null) setAnnouncement(text);
  });
  const health = useStatus(isLive);

  return (
    <>
      <Header connection={connection} status={health.status} onSignOut={onSignOut} />
      <main class="page">
        <Overview health={health} imports={imports.imports} />
        <div class="columns">
          <ImportList imports={imports} onFile={(chosen) => setFiles([chosen])} />
          <div class="side">
            <UpstreamPanel health={health} />
            <EnrichmentPanel />
          </div>
        </div>
      </main>
      <DropTarget onFiles={setFiles} isBusy={file !== undefined} />
      {file && (
        <UploadDialog
          key={files.length}
          file={file}
          othersWaiting={files.length - 1}
          isLive={isLive}
          onClose={() => setFiles((before) => before.slice(1))}
        />
      )}
      {/* What changed, for those who do not see it. */}
      <p class="visually-hidden" role="log" aria-label="News of imports">
        {announcement}
      </p>
    </>
  );
}
