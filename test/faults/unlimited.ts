/** A gateway and a sandbox whose rates stand in nobody's way: for faults that are not about them. */
import type { TestGatewayOptions } from '../support/gateway.ts';

const MANY = 100_000;
const limits = { addressBooks: MANY, records: MANY, outbound: MANY, enrichment: MANY, segments: MANY };

export const UNLIMITED: TestGatewayOptions = { sandbox: { limits }, env: { CXONE_LIMITS: JSON.stringify(limits) } };
