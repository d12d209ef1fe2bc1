import { testLostAnswers } from './lost-answers.ts';

testLostAnswers([
  'createAddressBook',
  'updateAddressBook',
  'archiveAddressBook',
  'deleteAddressBook',
  'createContact',
  'updateContact',
  'upsertContact',
  'deleteContact',
]);
