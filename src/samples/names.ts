/**
 * First and last names as they come in contact files: common ones, and those with accents, apostrophes and blanks.
 */
export const FIRST_NAMES = [
  ...['James', 'Mary', 'Robert', 'Patricia', 'John', 'Jennifer', 'Michael', 'Linda', 'David', 'Elizabeth', 'William'],
  ...['Barbara', 'Richard', 'Susan', 'Joseph', 'Jessica', 'Thomas', 'Karen', 'Christopher', 'Sarah', 'Daniel', 'Nancy'],
  ...['Matthew', 'Lisa', 'Anthony', 'Sandra', 'Mark', 'Ashley', 'Steven', 'Emily', 'Andrew', 'Michelle', 'Joshua'],
  ...['José', 'María José', 'Zoë', 'Jürgen', 'François', 'Åsa', 'Siobhán', 'Nguyễn', 'Aleksandra', 'Priya', 'Wei'],
  ...['Mohammed', 'Fatima', 'Hiroshi', 'Anne-Marie', 'Giulia', 'Chidi', 'Olumide', 'Leilani', 'Svetlana', 'Mateusz'],
] as const;

export const LAST_NAMES = [
  ...['Smith', 'Johnson', 'Williams', 'Brown', 'Jones', 'Garcia', 'Miller', 'Davis', 'Rodriguez', 'Martinez', 'Wilson'],
  ...['Anderson', 'Taylor', 'Thomas', 'Moore', 'Jackson', 'Martin', 'Thompson', 'White', 'Harris', 'Clark', 'Lewis'],
  ...['Robinson', 'Walker', 'Young', 'Allen', 'King', 'Wright', 'Scott', 'Torres', 'Hill', 'Flores', 'Green', 'Adams'],
  ...['O’Neill', "D'Angelo", 'Núñez', 'Müller', 'Lefèvre', 'Sørensen', 'van der Berg', 'Kowalski', 'Fernández-Lopez'],
  ...['Okonkwo', 'Yamamoto', 'Al-Rashid', 'Tran', 'Björnsson', 'McAllister', 'Featherstonehaugh', 'Davis, Jr.'],
] as const;

/** The name as it stands in an e-mail address: letters without their accents, nothing else. */
export function toMailbox(name: string): string {
  const base = name.normalize('NFD').toLowerCase();
  return base.replaceAll('ø', 'o').replace(/[^a-z]/g, '');
}
