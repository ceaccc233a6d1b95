"""The builtin words of secret names, as data: which are hidden, which excuse a name, and why."""

from __future__ import annotations

from typing import Final

from codetracer_otel.data_classes import NamedTuple


class NameGroup(NamedTuple):
    """Some entries of a ``words`` pattern, separated by commas, and why they are in it."""

    words: str
    why: str


SECRET_NAMES: Final = (
    NameGroup(
        "pass+word, pass+words, pass+wd, pwd, pass+phrase, pass+code, pass+key, pass$, passwds, "
        "pw$, pw+hash, pass+hash, *password*, *passwd*, *passphrase, *pwd, pswd, pass+wrd, passw, "
        "pword, userpass, dbpass, smtppass, mailpass, ftppass, sshpass, keypass, storepass, "
        "rootpass, adminpass, htpasswd",
        "Passwords and what people call them; `pass` as the last word only: `pass_count` is a "
        "number.",
    ),
    NameGroup(
        "secret, secrets, *secret, *secrets, *secretkey, credential, credentials, *credential, "
        "*credentials, cred$, creds",
        "`secret` and `credential` name nothing else.",
    ),
    NameGroup(
        "token$, *token$, ^tokens$, token+value, token+string, token+secret, token+hash, "
        "token+bytes, access+tokens, api+tokens, auth+tokens, refresh+tokens, session+tokens, "
        "bearer+tokens, device+tokens, id+tokens, login+tokens, user+tokens, csrfmiddlewaretoken, "
        "csrf$, xsrf$",
        "`token` as the last word: `token_count` counts. Plurals only with their kind or alone: "
        "`max_tokens`.",
    ),
    NameGroup(
        "auth$, authorization, authentication$, oauth$, auth+header, auth+headers, auth+key, "
        "auth+code, auth+string, auth+data, auth+value, auth+tuple, basicauth, bearer, jwt, jwts$, "
        "code+verifier, client+assertion$, saml+response, device+code",
        "`auth` as the last word or beside what carries it: `auth_type` tells nothing.",
    ),
    NameGroup(
        "api+key, api+keys, *apikey, access+key, access+keys, *accesskey, account+key, app+key, "
        "application+key, cipher+key, client+key, consumer+key, decryption+key, deploy+key, "
        "encryption+key, hmac+key, license+key, master+key, private+key, private+keys, "
        "*privatekey, priv+key, root+key, secret+keys, service+key, session+key, shared+key, "
        "signing+key, ssh+key, ssh+keys, ssl+key, storage+key, subscription+key, symmetric+key, "
        "tls+key, rsa+key, ecdsa+key, unseal+key, recovery+key, unlock+key, key+material, psk$, "
        "pre+shared+key, pem$, kube+config",
        "Keys only beside a word that makes them secret: `cache_key` and `public_key` are not.",
    ),
    NameGroup(
        "bank+key, gateway+key, merchant+key, payment+key, webhook+key, admin+key, aes+key, "
        "crypto+key, decrypt+key, encrypt+key, fernet+key",
        "Keys of who moves money, of callbacks and of ciphers; `sort_key`, `user_key` are none of "
        "them.",
    ),
    NameGroup(
        "anthropic+key, aws+key, azure+key, cloudflare+key, cohere+key, datadog+key, gcp+key, "
        "gemini+key, github+key, gitlab+key, google+key, groq+key, huggingface+key, mailgun+key, "
        "mistral+key, openai+key, sendgrid+key, slack+key, stripe+key, twilio+key",
        "Keys named after who gave them out.",
    ),
    NameGroup(
        "cookie, cookies$, session+id, session+ids, sess+id, sessid, phpsessid, jsessionid, "
        "connect+sid",
        "A cookie or a session's identifier lets anybody be that user; `session` alone is an "
        "object.",
    ),
    NameGroup(
        "pin$, pin+code, pin+number, otp, totp, hotp, mfa+code, fa+code, sms+code, login+code, "
        "verification+code, security+code, security+answer, recovery+code, recovery+codes, "
        "recovery+phrase, backup+code, backup+codes, seed+phrase, seed+words, mnemonic, "
        "mnemonics, puk$, magic+link",
        "One-time and recovery codes (digits are no words: `2fa_code` is `fa+code`).",
    ),
    NameGroup(
        "cvv, cvc, ssn, social+security, iban, card+number, card+numbers, card+num, card+no, "
        "credit+card, credit+cards, debit+card, account+number, routing+number",
        "Payment and identity numbers; `card` alone may be a playing card.",
    ),
    NameGroup(
        "dsn, database+url, database+uri, db+url, db+uri, redis+url, mongo+url, mongo+uri, "
        "mongodb+uri, mongodb+url, postgres+url, broker+url, amqp+url, amqp+uri, jdbc+url, "
        "webhook+url, signed+url, presigned+url, sas+url, connection+string, connection+str, "
        "conn+string, conn+str, connection+uri",
        "Addresses that usually carry a password or are one; `url` and `connection` alone do not.",
    ),
    NameGroup("salt, signature", "What hashes and signatures are checked with."),
)

FOREIGN_NAMES: Final = (
    NameGroup(
        "*passwort, *kennwort, passworte, losungswort, geheimnis, geheim, *geheimnis, "
        "zugangsdaten, zugangscode, zugriffsschlüssel, zugriffsschluessel, geheimschlüssel, "
        "geheimschluessel, geheimer+schlüssel, geheimer+schluessel, privater+schlüssel, "
        "privater+schluessel, kreditkarte, kreditkartennummer, kartennummer, kontonummer, "
        "sozialversicherungsnummer",
        "German",
    ),
    NameGroup(
        "mot+de+passe, mots+de+passe, mdp$, clé+api, cle+api, clé+privée, cle+privee, clé+secrète, "
        "cle+secrete, clé+d+api, jeton$, jeton+acces, code+confidentiel, phrase+secrète, "
        "phrase+secrete, carte+bancaire, numéro+carte, numero+carte",
        "French",
    ),
    NameGroup(
        "contraseña, contraseñas, contrasena, contrasenas, contrasenia, clave$, clave+acceso, "
        "clave+secreta, clave+privada, clave+api, secreto, credenciales, ficha+acceso, "
        "frase+secreta, tarjeta+crédito, tarjeta+credito, número+tarjeta, numero+tarjeta",
        "Spanish",
    ),
    NameGroup(
        "senha, senhas, palavra+passe, segredo, segredos, chave+api, chave+acesso, chave+secreta, "
        "chave+privada, credenciais, cartão+crédito, cartao+credito, número+cartão, "
        "numero+cartao",
        "Portuguese",
    ),
    NameGroup(
        "parola+ordine, parola+d+ordine, segreto, segreti, chiave+segreta, chiave+privata, "
        "chiave+api, chiave+accesso, credenziali, codice+segreto, carta+credito, numero+carta",
        "Italian",
    ),
    NameGroup(
        "*wachtwoord, wachtwoorden, wachtzin, geheime+sleutel, privésleutel, prive+sleutel, "
        "toegangscode, toegangssleutel, inloggegevens, kaartnummer, rekeningnummer",
        "Dutch",
    ),
    NameGroup(
        "hasło, haslo, hasła, hasla, sekret, sekrety, tajny, tajne, klucz+api, klucz+prywatny, "
        "klucz+tajny, klucz+dostępu, klucz+dostepu, poświadczenia, poswiadczenia, "
        "karta+kredytowa, numer+karty",
        "Polish",
    ),
    NameGroup(
        "mi+ma, kou+ling, mi+yao, si+yao, ling+pai, ping+zheng, yan+zheng+ma, yin+hang+ka, "
        "shen+fen+zheng, *密码, *密碼, *口令, *密钥, *私钥, *令牌, *验证码",
        "Chinese, in pinyin and as written",
    ),
    NameGroup(
        "pasuwado, pasuwaado, pasuwādo, ansho+bango, anshou+bangou, ansho, anshou, aikotoba, "
        "himitsu, himitsu+kagi, *パスワード, *暗証番号, *秘密鍵",
        "Japanese, in romaji and as written",
    ),
    NameGroup(
        "*lösenord, *losenord, *adgangskode, *passord, salasana, heslo, jelszó, jelszo, şifre, "
        "sifre, *пароль, parol, *비밀번호",
        "Swedish, Danish, Norwegian, Finnish, Czech, Hungarian, Turkish, Russian, Korean",
    ),
)

# What makes of a secret's name the name of something about it: `password_field`, `use_cookies`.
EXCUSES: Final = (
    NameGroup(
        "!^accept, !^add, !^allow, !^allows, !^can, !^did, !^disable, !^does, !^enable, "
        "!^enforce, !^exclude, !^expect, !^force, !^has, "
        "!^have, !^hide, !^ignore, !^include, !^is, !^keep, !^may, !^max, !^min, !^must, !^need, "
        "!^needs, !^num, !^omit, !^reject, !^require, !^required, !^requires, !^save, "
        "!^should, !^show, !^skip, !^strip, !^support, !^supports, !^use, !^uses, !^wants, !^was, "
        "!^will, !^with, !^without, !^would, !number+of",
        "Questions, switches and counts, as the first word: `use_cookies`, `has_password`.",
    ),
    NameGroup(
        "!*name$, !names$, !*field$, !fields$, !label$, !labels$, !option$, !options$, "
        "!*version$, !versions$, "
        "!validator$, !validators$, !validation$, !validity$, !cls$, !class$, !classes$, !format$, "
        "!formats$, !policy$, !policy+url$, !policies$, !filename$, !filenames$, !file$, !files$, "
        "!path$, !paths$, !dir$, !directory$, !count$, !counts$, !length$, !len$, !size$, !type$, "
        "!types$, !enabled$, !disabled$, !required$, !optional$, !allowed$, !expired$, !expires$, "
        "!expiry$, !expiration$, !lifetime$, !ttl$, !age$, !timeout$, !prefix$, !suffix$, "
        "!provider$, !providers$, !resolver$, !manager$, !mgr$, !factory$, !backend$, !handler$, "
        "!handlers$, !helper$, !hasher$, !hashers$, !generator$, !domain$, !samesite$, "
        "!same+site$, !secure$, !httponly$, !http+only$, !schema$, !scheme$, !schemes$, !kind$, "
        "!mode$, !algorithm$, !algorithms$, !alg$, !callback$, !func$, !fn$, !hook$, !getter$, "
        "!setter$, !loader$, !reader$, !source$, !sources$, !sourcer$, !process$, !column$, "
        "!columns$, !index$, !idx$, !position$, !regex$, !pattern$, !strength$, !score$, !rules$, "
        "!rounds$, !iterations$, !status$, !error$, !errors$, !env$, !envvar$, !env+var$, "
        "!env+key$, !envkey$, !store$, !attempts$, !retries$, !changed$, !placeholder$, "
        "!*less$, !attempt$, !page$, !template$, !view$, !form$, !widget$, !reset$, "
        "!token+metadata$, !cookie+metadata$, !server+metadata$, !servers$, "
        "!public+pem$, !pub+pem$, !cert+pem$, !certificate+pem$, !ca+pem$",
        "What is known about a secret, not it: `cookie_name`, `password_validators`.",
    ),
    NameGroup(
        "!next+token, !previous+token, !prev+token, !page+token, !continuation+token, "
        "!pagination+token, !start+token, !starting+token, !end+token, !stop+token, !begin+token, "
        "!first+token, !last+token, !current+token, !cur+token, !open+token, !close+token, "
        "!inner+token, !outer+token, !left+token, !right+token, !middle+token, !input+token, "
        "!output+token, !prompt+token, !completion+token, !per+token, !to+token, !eos+token, "
        "!bos+token, !pad+token, !unk+token, !cls+token, !sep+token, !separator+token, "
        "!delimiter+token, !mask+token, !special+token, !blank+token, !space+token, "
        "!whitespace+token, !empty+token, !line+token, !newline+token, !word+token, !text+token, "
        "!prefix+token, !suffix+token, !image+token, !img+token, !audio+token, !video+token, "
        "!patch+token, !tile+token, !break+token, !fill+token, "
        "!question+token, !entity+token, !speech+token, !delay+token, !duration+token, "
        "!placeholder+token, !infer+token, !eod+token, !bod+token, !eot+token, !ctc+token, "
        "!polygon+token, !trio+token, !progress+token, "
        "!atom+token, !comment+token, !string+token, !number+token, !operator+token, "
        "!keyword+token, !tile+global+token, !lookahead+token",
        "Tokens of text and of pages: `next_token`, `eos_token`.",
    ),
    NameGroup(
        "!func+signature, !function+signature, !method+signature, !callable+signature, "
        "!args+signature, !^return+signature$, !^key+signature$, !^time+signature$, "
        "!^overwrite+signature$, "
        "!call+signature, !class+signature, !type+signature, !text+signature, !forward+signature, "
        "!default+signature, !digital+signature, !signature+default",
        "Signatures of functions.",
    ),
    NameGroup(
        "!first+pass, !second+pass, !third+pass, !last+pass, !next+pass, !single+pass, !one+pass, "
        "!two+pass, !three+pass, !multi+pass, !run+pass, !to+pass, !function+pass, !analysis+pass, "
        "!inline+pass, !lowering+pass, !fusion+pass, !final+pass, "
        "!forward+pass, !backward+pass, !low+pass, !high+pass, !band+pass, !all+pass, "
        "!shrink+pass, !render+pass, !optimizer+pass, !optimization+pass, !compiler+pass, "
        "!boarding+pass",
        "Passes through something.",
    ),
    NameGroup(
        "!oldpwd, !palabra+clave, !palabras+clave, !parola+chiave, !gpio+pin, !input+pin, "
        "!output+pin, !led+pin, !reset+pin",
        "The directory before, keywords, and pins of a chip.",
    ),
)
