import { testLostAnswers } from './lost-answers.ts';

testLostAnswers([
  'addOutboundContact',
  'addContactListRecord',
  'updateContactListRecord',
  'enrichContact',
  'addContactToSegment',
  'registerEnrichmentWebhook',
]);
