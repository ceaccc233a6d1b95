import io
import unittest


class Sums(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(2, 1 + 1)

    def test_fails(self):
        self.assertEqual(3, 1 + 1)


stream = io.StringIO()
program = unittest.main(exit=False, testRunner=unittest.TextTestRunner(stream=stream))
print(stream.getvalue().count("FAIL"), program.result)
raise SystemExit(not program.result.wasSuccessful())
