// SPDX-License-Identifier: MPL-2.0
/**
 * Questions that wait for their answers: QUERY, SYNC, CALL and PRESENCE. Pure bookkeeping.
 * Owns the request ids and the parts of answers; leaves to core.js when they are sent (again).
 */
import { RoostError } from './errors.js';

/** @typedef {{type: string, fields: any, deferred: any, results: any[]}} Request */

export class Requests {
    /** @type {Map<number, Request>} */
    #open = new Map();
    #lastId = 0;

    newId() {
        return ++this.#lastId;
    }

    /** @returns {Request} */
    add(type, fields, deferred) {
        const requestId = this.newId();
        const request = { type, fields: { ...fields, requestId }, deferred, results: [] };
        this.#open.set(requestId, request);
        return request;
    }

    /** Takes it out, when it is there. */
    take(requestId) {
        const request = this.#open.get(requestId);
        this.#open.delete(requestId);
        return request;
    }

    /** All, to be asked again in a new session; what came of their answers is forgotten. */
    again() {
        for (const request of this.#open.values())
            request.results = [];
        return [...this.#open.values()];
    }

    onResult(message) {
        this.#open.get(message.requestId)?.results.push(message);
    }

    onFin(fin) {
        const request = this.take(fin.requestId);
        if (request !== undefined)
            request.deferred.settle(fin.code ? new RoostError(fin.code, fin.text)
                : { results: request.results, fin });
    }

    onReply(reply) {
        const request = this.take(reply.requestId);
        if (request !== undefined)
            request.deferred.settle(reply.code ? new RoostError(reply.code, reply.text) : reply);
    }

    failAll(error) {
        const requests = [...this.#open.values()];
        this.#open.clear();
        for (const { deferred } of requests)
            deferred.settle(error);
    }
}
