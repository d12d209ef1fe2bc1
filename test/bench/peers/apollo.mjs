/** Apollo Server with a RESTDataSource, put together as their documentation has it. */
import { RESTDataSource } from '@apollo/datasource-rest';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { createResolvers, typeDefs } from './schema.mjs';
import { contactPage, UPSTREAM_URL } from './upstream.mjs';

class CxoneApi extends RESTDataSource {
  baseURL = UPSTREAM_URL;

  willSendRequest(_path, request) {
    request.headers.authorization = 'Bearer bench';
  }

  book(bookId) {
    return this.get(`/api/v2/addressbooks/${bookId}`);
  }

  async contact(bookId, contactId) {
    const { parsedBody, response } = await this.fetch(`/api/v2/addressbooks/${bookId}/contacts/${contactId}`);
    return { ...parsedBody, bookId, version: response.headers.get('etag') };
  }

  async contacts(bookId, pageSize) {
    return contactPage(bookId, await this.get(`/api/v2/addressbooks/${bookId}/contacts?page=1&pageSize=${pageSize}`));
  }

  addToSegment(segmentId, contactId) {
    return this.post(`/api/v2/segments/${segmentId}/contacts`, { body: [contactId] });
  }
}

const server = new ApolloServer({ typeDefs, resolvers: createResolvers(({ cxone }) => cxone) });
const { url } = await startStandaloneServer(server, {
  listen: { port: 0, host: '127.0.0.1' },
  context: async () => ({ cxone: new CxoneApi() }),
});
console.log(url.replace('localhost', '127.0.0.1'));
