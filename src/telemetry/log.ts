/** The log: one JSON object a line, by pino, with everything in it redacted. */
import { pino } from 'pino';
import { redactFields, redactText } from './redact.ts';

export type LogLevel = 'silent' | 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

export interface LogFields {
  /** What was caught. */
  readonly error?: unknown;
  readonly requestId?: string | undefined;
  readonly [field: string]: unknown;
}

export interface Log {
  error(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  trace(fields: LogFields, message: string): void;
  /** A log that says these fields on every line: a request id, an import's id. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Takes whole lines. Without it they go to standard output. */
  readonly destination?: { write(line: string): void } | undefined;
}

/** The log of a process. Child logs share its level and destination. */
export function createLog({ level, destination }: LogOptions): Log {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  return wrap(destination ? pino(options, destination) : pino(options));
}

function wrap(logger: pino.Logger): Log {
  const at = (level: Exclude<LogLevel, 'silent' | 'fatal'>) => (fields: LogFields, message: string) => {
    if (logger.isLevelEnabled(level)) logger[level](redactFields(fields), redactText(message));
  };
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    child: (fields) => wrap(logger.child(redactFields(fields))),
  };
}
