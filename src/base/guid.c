/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <string.h>

#include <sys/random.h>

#include <openssl/rand.h>

static const char hex[] = "0123456789abcdef";

static int is_dash(int position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

int amlaps_text_guid(char guid[AMLAPS_GUID_LENGTH + 1], const char *text)
{
    char copy[AMLAPS_GUID_LENGTH + 1];
    int all_zero = 1;
    int i;

    if (text == NULL) {
        return 0;
    }
    for (i = 0; i < AMLAPS_GUID_LENGTH; i++) {
        char c = text[i];

        if (is_dash(i)) {
            if (c != '-') {
                return 0;
            }
        }
        else if (c >= 'A' && c <= 'F') {
            c = (char)(c - 'A' + 'a');
            all_zero = 0;
        }
        else if ((c >= '1' && c <= '9') || (c >= 'a' && c <= 'f')) {
            all_zero = 0;
        }
        else if (c != '0') {
            return 0;
        }
        copy[i] = c;
    }
    if (text[i] != '\0' || all_zero) {
        return 0;
    }
    copy[i] = '\0';
    memcpy(guid, copy, sizeof(copy));
    return 1;
}

/** The system's generator needs no state in the process that a fork would copy, and takes less than half the time of OpenSSL's, which is
 *  asked where the system has none. So few bytes come whole or not at all. */
static int draw(unsigned char *bytes, apr_size_t length)
{
    return getrandom(bytes, length, 0) == (ssize_t)length || RAND_bytes(bytes, (int)length) == 1;
}

apr_status_t amlaps_text_new_guid(char guid[AMLAPS_GUID_LENGTH + 1])
{
    unsigned char bytes[16];
    int byte;
    int at = 0;

    if (!draw(bytes, sizeof(bytes))) {
        guid[0] = '\0';
        return APR_EGENERAL;
    }
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    for (byte = 0; byte < (int)sizeof(bytes); byte++) {
        if (is_dash(at)) {
            guid[at++] = '-';
        }
        guid[at++] = hex[bytes[byte] >> 4];
        guid[at++] = hex[bytes[byte] & 0x0F];
    }
    guid[at] = '\0';
    return APR_SUCCESS;
}
