/** What the commands are and take, as `--help` says it. */

/** The command line is wrong; nothing was done. The message says what to write instead. */
export class UsageError extends Error {}

export const USAGE = `Usage: cxone-gateway <command> [options]

Commands
  serve                 runs the gateway; without CXone credentials in the environment, with the built-in sandbox
  sandbox               runs the CXone sandbox alone
  import FILE           sends a file's rows to CXone as one import ("-" reads standard input), and prints its id
  watch IMPORT_ID       shows an import's progress until it ends
  status                shows how the gateway and its way to CXone are doing
  events                lists the newest imports; with --follow, what happens from now on

Options of all but serve and sandbox, which the environment configures (README.md)
  --url URL             the gateway's address (or GATEWAY_URL; default http://127.0.0.1:4000)
  --api-key KEY         (or GATEWAY_API_KEY)
  --json                answers as JSON, one object a line

Options of import
  --kind KIND           outbound, contacts, records, attributes or segments
  --list ID             the contact list (outbound, records, attributes)
  --book ID             the address book (contacts)
  --campaign ID         the campaign that bounds the calls (attributes)
  --format FORMAT       csv or ndjson; without it, by the file's name
  --map SOURCE=TARGET   reads column SOURCE as field TARGET (customFields.first_name); may be repeated
  --default-country CC  reads phone numbers without a country code as of this country, such as US
  --encoding NAME       utf-8 (default), iso-8859-1 or windows-1252
  --invalid-text WHAT   reject (default) or replace: bytes that the encoding does not know
  --on-duplicate WHAT   skip, update or fail: what to do with what is already there
  --max-failures N      stops once CXone has refused more rows than this
  --callback URL        is told of every finished batch and of the end
  --validate-only       checks every row and sends nothing
  --watch               shows the progress until the import ends

Option of events
  --follow              goes on as things happen, also over broken connections
  --after CURSOR        begins behind this event (each has a cursor, see --json), with --follow

Without a command
  --help                this text
  --version             the version

Exit codes
  0 done, for an import: completed    1 the gateway cannot be reached or refused    2 wrong usage or input
  3 import completed with failures    4 import failed or cancelled                  130 interrupted
`;
