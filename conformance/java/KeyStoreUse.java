// SPDX-License-Identifier: Apache-2.0

import java.security.*;
import java.security.spec.*;
import java.util.*;
import javax.crypto.*;
import javax.crypto.spec.*;

/** Uses keys of a PKCS #11 key store as a Java program would; what it makes is checked by Java's own software. */
public class KeyStoreUse {
    static Provider p;
    static KeyStore ks;
    static final byte[] data = "signed in Java".getBytes();

    public static void main(String[] args) throws Exception {
        p = Security.getProvider("SunPKCS11").configure(args[0]);
        Security.addProvider(p);
        ks = KeyStore.getInstance("PKCS11", p);
        ks.load(null, args[1].toCharArray());
        String[][] pairs = {{"ec", "SHA256withECDSA"}, {"ec", "SHA384withECDSA"}, {"rsa", "SHA256withRSA"}, {"rsa", "SHA512withRSA"}};
        for (String[] pair : pairs) {
            sign(pair[0], pair[1], null);
        }
        sign("rsa", "RSASSA-PSS", new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
        decrypt();
        gcm();
        digest();
        mac();
        agree();
        System.out.println("all good");
    }

    static void sign(String alias, String how, AlgorithmParameterSpec spec) throws Exception {
        Signature s = Signature.getInstance(how, p);
        Signature v = Signature.getInstance(how, alias.equals("ec") ? "SunEC" : "SunRsaSign");
        if (spec != null) {
            s.setParameter(spec);
            v.setParameter(spec);
        }
        PrivateKey key = (PrivateKey) ks.getKey(alias, null);
        check(key.getEncoded() == null, "the key store gives no private value");
        s.initSign(key);
        s.update(data);
        byte[] sig = s.sign();
        v.initVerify(ks.getCertificate(alias));
        v.update(data);
        check(v.verify(sig), how);
        v.update("other".getBytes());
        check(!v.verify(sig), how + " of other data");
    }

    static void decrypt() throws Exception {
        Cipher soft = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
        soft.init(Cipher.ENCRYPT_MODE, ks.getCertificate("rsa"));
        byte[] ct = soft.doFinal(data);
        Cipher rsa = Cipher.getInstance("RSA/ECB/PKCS1Padding", p);
        rsa.init(Cipher.DECRYPT_MODE, ks.getKey("rsa", null));
        check(Arrays.equals(rsa.doFinal(ct), data), "RSA decrypt");
    }

    static byte[] crypt(int mode, SecretKey aes, byte[] iv, byte[] in) throws Exception {
        Cipher gcm = Cipher.getInstance("AES/GCM/NoPadding", p);
        gcm.init(mode, aes, new GCMParameterSpec(128, iv));
        gcm.updateAAD("header".getBytes());
        return gcm.doFinal(in);
    }

    static void gcm() throws Exception {
        KeyGenerator kg = KeyGenerator.getInstance("AES", p);
        kg.init(256);
        ks.setEntry("aes", new KeyStore.SecretKeyEntry(kg.generateKey()), null);
        SecretKey aes = (SecretKey) ks.getKey("aes", null);
        byte[] iv = new byte[12];
        new SecureRandom().nextBytes(iv);
        byte[] sealed = crypt(Cipher.ENCRYPT_MODE, aes, iv, data);
        check(Arrays.equals(crypt(Cipher.DECRYPT_MODE, aes, iv, sealed), data), "AES-GCM");
        sealed[0] ^= 1;
        try {
            crypt(Cipher.DECRYPT_MODE, aes, iv, sealed);
        } catch (GeneralSecurityException | ProviderException e) {
            return;
        }
        check(false, "AES-GCM refuses a changed ciphertext");
    }

    /** A clone carries the state of a running digest: C_GetOperationState and C_SetOperationState. */
    static void digest() throws Exception {
        MessageDigest md = MessageDigest.getInstance("SHA-256", p);
        md.update(data);
        MessageDigest copy = (MessageDigest) md.clone();
        byte[] want = MessageDigest.getInstance("SHA-256", "SUN").digest(data);
        check(Arrays.equals(md.digest(), want) && Arrays.equals(copy.digest(), want), "digest clone");
    }

    static void mac() throws Exception {
        SecretKey key = new SecretKeySpec("a key".getBytes(), "Generic");
        Mac mac = Mac.getInstance("HmacSHA256", p), soft = Mac.getInstance("HmacSHA256", "SunJCE");
        mac.init(key);
        soft.init(key);
        check(Arrays.equals(mac.doFinal(data), soft.doFinal(data)), "HMAC");
    }

    /** Java reads the value of an agreed secret: the configuration lets it. */
    static void agree() throws Exception {
        KeyPairGenerator kpg = KeyPairGenerator.getInstance("EC", p), softkpg = KeyPairGenerator.getInstance("EC", "SunEC");
        kpg.initialize(new ECGenParameterSpec("secp256r1"));
        softkpg.initialize(new ECGenParameterSpec("secp256r1"));
        KeyPair ours = kpg.generateKeyPair(), theirs = softkpg.generateKeyPair();
        KeyAgreement a = KeyAgreement.getInstance("ECDH", p), b = KeyAgreement.getInstance("ECDH", "SunEC");
        a.init(ours.getPrivate());
        a.doPhase(theirs.getPublic(), true);
        b.init(theirs.getPrivate());
        b.doPhase(KeyFactory.getInstance("EC", "SunEC").translateKey(ours.getPublic()), true);
        check(Arrays.equals(a.generateSecret(), b.generateSecret()), "ECDH");
    }

    static void check(boolean ok, String what) {
        if (!ok) {
            throw new AssertionError(what);
        }
    }
}
