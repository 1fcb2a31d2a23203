/* SPDX-License-Identifier: MPL-2.0
 *
 * See zmq_book.h.
 */
#include "gateways/zmq/zmq_book.h"

#include "rt/check.h"

void zmq_book_init(struct zmq_book *book)
{
    *book = (struct zmq_book){.next_no = 1};
}

void zmq_book_refuse(struct zmq_book *book, uint32_t code, uint32_t retry_after_ms)
{
    book->is_rewound = true;
    book->retry_code = code;
    book->retry_after_ms = retry_after_ms;
}

static enum zmq_book_verdict refuse(struct zmq_book *book, enum err err)
{
    zmq_book_refuse(book, err_code(err), 0);
    return ZMQ_BOOK_REFUSE;
}

enum zmq_book_verdict zmq_book_offer(struct zmq_book *book, const struct zmq_book_limits *limits,
                                     uint64_t first_no, uint32_t count, uint64_t bytes)
{
    CHECK(count >= 1);
    uint64_t last_no = first_no + (count - 1);
    if (last_no < first_no) /* nobody gets there by counting */
        return book->is_rewound ? ZMQ_BOOK_IGNORE : refuse(book, ERR_SEQUENCE_GAP);
    if (book->is_failed) /* next_no is not settled before all answers are here */
        return ZMQ_BOOK_IGNORE;
    if (last_no < book->next_no)
        return ZMQ_BOOK_REPEAT;
    if (first_no != book->next_no)
        return book->is_rewound ? ZMQ_BOOK_IGNORE : refuse(book, ERR_SEQUENCE_GAP);
    bool has_room = book->frames_open == 0 || book->bytes_open + bytes <= limits->bytes_max;
    if (!has_room || last_no > zmq_book_upto(book, limits))
        return refuse(book, ERR_CREDIT_EXCEEDED);
    book->next_no = last_no + 1;
    book->bytes_open += bytes;
    book->frames_open++;
    book->is_rewound = false;
    book->retry_code = 0;
    return ZMQ_BOOK_TAKE;
}

static void close_frame(struct zmq_book *book, uint64_t bytes)
{
    CHECK(book->frames_open > 0 && book->bytes_open >= bytes);
    book->frames_open--;
    book->bytes_open -= bytes;
}

void zmq_book_give_back(struct zmq_book *book, uint32_t count, uint64_t bytes, uint32_t code,
                        uint32_t retry_after_ms)
{
    CHECK(book->next_no > count);
    close_frame(book, bytes);
    book->next_no -= count;
    zmq_book_refuse(book, code, retry_after_ms);
}

bool zmq_book_answer(struct zmq_book *book, uint64_t bytes, uint64_t upto_no, uint32_t retry_code,
                     uint32_t retry_after_ms)
{
    close_frame(book, bytes);
    if (book->is_failed)
        return false;
    if (upto_no >= book->next_no) /* never more than was sent, whoever says so */
        upto_no = book->next_no - 1;
    if (upto_no > book->answered_no)
        book->answered_no = upto_no;
    if (retry_code != 0) {
        book->is_failed = true;
        book->next_no = book->answered_no + 1;
        book->epoch++;
        zmq_book_refuse(book, retry_code, retry_after_ms);
    }
    return true;
}

void zmq_book_void(struct zmq_book *book, uint64_t bytes)
{
    close_frame(book, bytes);
}

bool zmq_book_take_retry(struct zmq_book *book, uint32_t *ret_code, uint32_t *ret_after_ms)
{
    if (book->retry_code == 0 || book->frames_open > 0)
        return false;
    *ret_code = book->retry_code;
    *ret_after_ms = book->retry_after_ms;
    book->retry_code = 0;
    book->is_failed = false;
    return true;
}
