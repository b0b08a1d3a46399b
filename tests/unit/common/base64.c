/* Tests of common/base64: the vectors of RFC 4648 section 10, every length there and back, and texts that are almost right. */
#include "check.h"

#include "common/base64.h"

static const struct {
    const char *bytes, *text;
} vectors[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

static void test_vectors(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct buffer text;
        char bytes[16];
        size_t length = 99, unpadded = strcspn(vectors[i].text, "=");

        buffer_init(&text, 0);
        base64_add(&text, vectors[i].bytes, strlen(vectors[i].bytes));
        assert_int_equal(text.length, strlen(vectors[i].text));
        assert_memory_equal(text.length ? text.bytes : "", vectors[i].text, text.length);
        assert_true(base64_read(vectors[i].text, strlen(vectors[i].text), bytes, sizeof bytes, &length));
        assert_int_equal(length, strlen(vectors[i].bytes));
        assert_memory_equal(bytes, vectors[i].bytes, length);
        assert_true(base64url_read(vectors[i].text, unpadded, bytes, sizeof bytes, &length));
        assert_int_equal(length, strlen(vectors[i].bytes));
        assert_int_equal(base64url_read(vectors[i].text, strlen(vectors[i].text), bytes, sizeof bytes, &length), vectors[i].text[unpadded] == '\0');
        buffer_done(&text);
    }
}

static void test_every_length_there_and_back(void **state)
{
    (void)state;
    unsigned char bytes[256], back[256];

    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 37 + 11);
    for (size_t length = 0; length <= sizeof bytes; length++) {
        struct buffer text;
        size_t got = 0;

        buffer_init(&text, 0);
        base64url_add(&text, bytes, length);
        assert_true(base64url_read(length ? text.bytes : "", text.length, back, sizeof back, &got));
        assert_int_equal(got, length);
        assert_memory_equal(back, bytes, length);
        if (length > 0)
            assert_false(base64url_read(text.bytes, text.length, back, length - 1, &got));
        buffer_done(&text);
    }
}

static void test_the_two_alphabets(void **state)
{
    (void)state;
    unsigned char bytes[3];
    size_t length;

    assert_true(base64_read("+/+/", 4, bytes, 3, &length));
    assert_true(base64url_read("-_-_", 4, bytes, 3, &length));
    assert_false(base64_read("-_-_", 4, bytes, 3, &length));
    assert_false(base64url_read("+/+/", 4, bytes, 3, &length));
}

static void test_almost_right(void **state)
{
    static const char *const padded[] = {"Zg", "Zg=", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", " Zm9", "Zm=v", "====", "Zm9vZ"};
    static const char *const bare[] = {"Z", "Zh", "Zm9vZ", "Zm 9", "Zm9v\n", "Zm8=", "Zm9"};
    unsigned char bytes[16];
    size_t length;

    (void)state;
    for (unsigned i = 0; i < sizeof padded / sizeof padded[0]; i++)
        assert_false(base64_read(padded[i], strlen(padded[i]), bytes, sizeof bytes, &length));
    assert_false(base64_read("\0Zm9", 4, bytes, sizeof bytes, &length));
    for (unsigned i = 0; i < sizeof bare / sizeof bare[0]; i++)
        assert_false(base64url_read(bare[i], strlen(bare[i]), bytes, sizeof bytes, &length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_length_there_and_back),
        cmocka_unit_test(test_the_two_alphabets),
        cmocka_unit_test(test_almost_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
