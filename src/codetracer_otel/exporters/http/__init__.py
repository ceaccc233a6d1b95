"""An HTTP/1.1 client over `_socket` and `_ssl` that shares no class with the program's clients.

Tools that record or forbid a program's requests replace classes and functions of `socket`, `ssl`,
`http.client`, urllib3 and requests; none of those is looked up here.
"""
